// UTF-8, character by character.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace muster::cli {

struct Character {
  std::uint32_t code = 0;
  std::size_t bytes = 1;
  bool valid = true;
};

// The character at the start of `text`, which is not empty. A malformed one is one byte long.
Character Decode(std::string_view text);

bool IsUtf8(std::string_view text);

}  // namespace muster::cli
