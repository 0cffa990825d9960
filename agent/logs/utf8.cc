#include "agent/logs/utf8.h"

#include <algorithm>

namespace muster::agent {
namespace {

bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xc0U) == 0x80U; }

// Bytes of the character that begins at `text[0]`; 0: none does. No overlong forms, no surrogates,
// nothing beyond U+10FFFF.
std::size_t CharacterBytes(std::string_view text) {
  const auto first = static_cast<unsigned char>(text[0]);
  if (first < 0x80) return 1;
  const std::size_t bytes = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if (bytes == 0 || first > 0xf4 || text.size() < bytes) return 0;
  if (!std::all_of(text.begin() + 1, text.begin() + static_cast<std::ptrdiff_t>(bytes),
                   IsContinuation)) {
    return 0;
  }
  const auto second = static_cast<unsigned char>(text[1]);
  const bool overlong = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
  const bool surrogate = first == 0xed && second >= 0xa0;
  const bool beyond = first == 0xf4 && second >= 0x90;
  return overlong || surrogate || beyond ? 0 : bytes;
}

}  // namespace

bool IsUtf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t bytes = CharacterBytes(text);
    if (bytes == 0) return false;
    text.remove_prefix(bytes);
  }
  return true;
}

std::string ToUtf8(std::string_view text, std::size_t max_bytes) {
  std::string result;
  // At most three bytes can be left over from a character that was cut off.
  for (int i = 0; i < 3 && !text.empty() && IsContinuation(text.front()); ++i) {
    text.remove_prefix(1);
  }
  while (!text.empty()) {
    const std::size_t bytes = CharacterBytes(text);
    const std::size_t step = std::max<std::size_t>(bytes, 1);
    if (result.size() + step > max_bytes) break;
    result += bytes == 0 ? std::string_view("?") : text.substr(0, bytes);
    text.remove_prefix(step);
  }
  return result;
}

}  // namespace muster::agent
