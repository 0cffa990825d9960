#include "cli/spec_text.h"

#include <array>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <system_error>

#include "cli/outcome.h"

namespace muster::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t kMaxFileBytes = 2 << 20;
constexpr std::size_t kEscapeBytes = 6;  // "\\u12ab"

// The number of an escape in valid JSON.
unsigned Escape(const std::string& text, std::size_t at) {
  return static_cast<unsigned>(std::stoul(text.substr(at + 2, 4), nullptr, 16));
}

bool IsEscape(const std::string& text, std::size_t at) { return text.compare(at, 2, "\\u") == 0; }

}  // namespace

Result<std::string> ReadWholeFile(const fs::path& path) {
  std::error_code error;
  const std::uintmax_t size = fs::file_size(path, error);
  if (error) return Fail(UsageError("cannot read " + path.string() + ": " + error.message()));
  if (size > kMaxFileBytes) {
    return Fail(UsageError(path.string() + " is larger than the limit of 2 MiB"));
  }
  std::ifstream stream(path, std::ios::binary);
  std::ostringstream text;
  text << stream.rdbuf();
  if (!stream) return Fail(UsageError("cannot read " + path.string()));
  return text.str();
}

std::string JoinSurrogates(const std::string& text) {
  if (text.find("\\u") == std::string::npos || !nlohmann::json::accept(text)) return text;
  std::string joined;
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] != '\\') {
      joined += text[at++];
      continue;
    }
    const bool pair = IsEscape(text, at) && (Escape(text, at) & 0xFC00U) == 0xD800U;
    if (pair) {  // its other half follows, or the text would be no JSON
      const unsigned code = 0x10000U + ((Escape(text, at) & 0x3FFU) << 10) +
                            (Escape(text, at + kEscapeBytes) & 0x3FFU);
      std::array<char, 11> yaml{};
      std::snprintf(yaml.data(), yaml.size(), "\\U%08x", code);
      joined += yaml.data();
      at += 2 * kEscapeBytes;
    } else {
      joined.append(text, at, 2);
      at += 2;
    }
  }
  return joined;
}

}  // namespace muster::cli
