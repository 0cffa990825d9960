#include "base/random.h"

#include <sys/random.h>

#include "base/check.h"

namespace muster {

std::string Random::Hex(std::size_t bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(bytes * 2);
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < bytes; ++i) {
    if (i % 8 == 0) word = Next();
    text += kDigits[word >> 4 & 15];
    text += kDigits[word & 15];
    word >>= 8;
  }
  return text;
}

std::uint64_t SystemRandom::Next() {
  std::uint64_t value = 0;
  MUSTER_CHECK(getrandom(&value, sizeof value, 0) == sizeof value, "getrandom failed");
  return value;
}

}  // namespace muster
