// The lines that a script writes into its spool, decoded and checked as the same things are that
// come by RPC. Pure. A line that asks for something impossible becomes one that is refused: the
// script has gone on, nobody waits for an answer. docs/agent-protocol.md says what lines there are.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "storage/tracking/changes.h"

namespace muster::server {

inline constexpr std::size_t kMaxSpoolLineBytes = 1'100'000;
// Of one part that are taken.
inline constexpr std::size_t kMaxSpoolLines = 20'000;

// `text`: a line without its newline, of a script of `job`.
storage::SpoolLine ParseSpoolLine(const storage::RunId& job, std::string_view text);

struct SpoolPart {
  std::string writer;
  std::uint64_t offset = 0;
  std::string_view data;            // ends with a newline, or is empty
  std::uint64_t skipped_bytes = 0;  // behind `data`
};
// Of a part with more lines than are taken, `bytes` tells where the rest begins.
storage::AppendSpool ParseSpool(const storage::RunId& job, const SpoolPart& part);

}  // namespace muster::server
