// How deep a JSON text is nested, told before it is parsed: libraries that write what they have
// read call themselves once a level, and a megabyte of "[" would take the stack.
#pragma once

#include <cstddef>
#include <string_view>

namespace muster {

// More than any value that a person means.
inline constexpr std::size_t kMaxJsonNesting = 100;

// Of any bytes, JSON or not.
inline bool IsNestedDeeper(std::string_view text, std::size_t levels) {
  std::size_t depth = 0;
  bool in_text = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_text) {
      if (c == '\\') ++i;
      if (c == '"') in_text = false;
    } else if (c == '"') {
      in_text = true;
    } else if (c == '[' || c == '{') {
      if (++depth > levels) return true;
    } else if ((c == ']' || c == '}') && depth > 0) {
      --depth;
    }
  }
  return false;
}

}  // namespace muster
