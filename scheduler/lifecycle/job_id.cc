#include "scheduler/lifecycle/job_id.h"

#include <array>
#include <string_view>

namespace muster::scheduler {

namespace {

// Each line is invertible, hence the whole.
std::uint32_t Scramble(std::uint32_t x) {
  x ^= x >> 16;
  x *= 0x7feb352dU;
  x ^= x >> 15;
  x *= 0x846ca68bU;
  x ^= x >> 16;
  return x;
}

}  // namespace

JobId JobIdFor(const std::string& experiment, TimePoint submitted, std::uint64_t sequence) {
  constexpr std::string_view kHexDigits = "0123456789abcdef";
  const auto seconds = std::chrono::floor<std::chrono::seconds>(submitted).time_since_epoch();
  std::string id = experiment + "_" + std::to_string(seconds.count()) + "_";
  const std::uint32_t scrambled = Scramble(static_cast<std::uint32_t>(sequence));
  for (int shift = 28; shift >= 0; shift -= 4) id += kHexDigits[(scrambled >> shift) & 0xfU];
  return JobId(std::move(id));
}

}  // namespace muster::scheduler
