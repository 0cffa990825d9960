#include "agent/tracking/spool_chunk.h"

#include <algorithm>

namespace muster::agent {
namespace {

// With what is put before and behind it, it is still a file name.
constexpr std::size_t kMaxNameBytes = 200;

}  // namespace

bool IsSpoolName(std::string_view name) {
  return name.size() <= kMaxNameBytes && name.ends_with(".jsonl") && name.front() != '.' &&
         std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c <= '~'; });
}

SpoolCut CutSpool(std::string_view window, bool in_long_line, bool is_all) {
  if (in_long_line) {
    const std::size_t end = window.find('\n');
    if (end == std::string_view::npos) return {0, window.size(), !is_all, false};
    return {0, end + 1, false, false};
  }
  const std::size_t last = window.rfind('\n');
  if (last != std::string_view::npos) return {last + 1, 0, false, false};
  if (window.size() >= kSpoolChunkBytes) return {0, window.size(), true, true};
  // Cut off in the middle of a write: its writer is gone.
  if (is_all && !window.empty()) return {0, window.size(), false, true};
  return {};
}

}  // namespace muster::agent
