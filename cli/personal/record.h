// What a personal server's directory remembers between two commands: <dir>/personal.json.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/personal/process.h"

namespace muster::cli {

struct PersonalNode {
  std::string name;
  std::uint32_t slots = 1;
  std::optional<ProcessMark> process;  // the one that was started last
};

struct PersonalRecord {
  std::string address;      // "127.0.0.1:port" of the last start; empty: none yet
  std::string interpreter;  // Python of the jobs; empty: the agent's default
  std::optional<ProcessMark> server;
  std::vector<PersonalNode> nodes;
};

inline constexpr std::size_t kMaxPersonalNodes = 64;
inline constexpr std::uint32_t kMaxPersonalSlots = 1024;

std::string FormatRecord(const PersonalRecord& record);
// INVALID_ARGUMENT for a text that FormatRecord did not make.
Result<PersonalRecord> ParseRecord(std::string_view text);

// Nothing where there is no such file.
Result<std::optional<PersonalRecord>> LoadRecord(const std::filesystem::path& path);
// On disk once this returns; mode 0600.
Status SaveRecord(const std::filesystem::path& path, const PersonalRecord& record);

}  // namespace muster::cli
