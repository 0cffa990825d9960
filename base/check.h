// MUSTER_CHECK: a broken invariant ends the process at once, with file, line and the expression.
// Recovery from an abort is the tested path (see docs/architecture.md); going on with wrong state
// is not.
#pragma once

#include <string_view>

namespace muster {

// Writes one line to stderr and aborts. Async-signal-safe apart from formatting.
[[noreturn]] void CheckFailed(const char* file, int line, const char* expression,
                              std::string_view detail);

}  // namespace muster

#define MUSTER_CHECK(condition, ...)                                                          \
  do {                                                                                        \
    if (!(condition)) [[unlikely]]                                                            \
      ::muster::CheckFailed(__FILE__, __LINE__, #condition, ::std::string_view{__VA_ARGS__}); \
  } while (false)
