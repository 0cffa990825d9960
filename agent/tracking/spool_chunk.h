// Which bytes of a spool go next. Pure.
#pragma once

#include <cstddef>
#include <string_view>

namespace muster::agent {

// Of one call; a line has 1,100,000 bytes at most.
inline constexpr std::size_t kSpoolChunkBytes = std::size_t{3} << 19;

// Whether a file of tracking/ is a spool: "<...>.jsonl" of printable ASCII, at most 200 bytes.
bool IsSpoolName(std::string_view name);

struct SpoolCut {
  std::size_t data = 0;       // bytes of whole lines, at the beginning
  std::size_t skipped = 0;    // bytes behind them that are no line
  bool in_long_line = false;  // what comes next belongs to a line that is skipped
  bool refuses_line = false;  // one that begins here
};

// `window`: what is there from where the last cut ended, at most kSpoolChunkBytes. `is_all`: nobody
// writes to the file any more. Nothing to send: no data, nothing skipped.
SpoolCut CutSpool(std::string_view window, bool in_long_line, bool is_all);

}  // namespace muster::agent
