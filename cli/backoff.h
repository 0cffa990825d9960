// How long to wait between two tries, and when to give up.
#pragma once

#include <algorithm>
#include <optional>

#include "base/random.h"
#include "base/time.h"

namespace muster::cli {

// Doubles from 100 ms to 2 s, each shortened by up to a quarter at random so that many clients do
// not come back in step; nothing more once `patience` has passed since the first failure.
class Backoff {
 public:
  Backoff(Duration patience, Random& random) : patience_(patience), random_(random) {}

  // To be called after a failed try: the time to wait, or nothing when patience has run out.
  std::optional<Duration> After(SteadyPoint failed_at) {
    if (!first_failure_) first_failure_ = failed_at;
    const Duration left = patience_ - (failed_at - *first_failure_);
    if (left <= Duration::zero()) return std::nullopt;
    const auto quarter = static_cast<std::uint64_t>(delay_.count()) / 4;
    const Duration wait = delay_ - Duration(static_cast<Duration::rep>(random_.Below(quarter + 1)));
    delay_ = std::min(delay_ * 2, kLongest);
    return std::min(wait, left);
  }

  // After a success: patience and delay start anew.
  void Reset() {
    first_failure_.reset();
    delay_ = kShortest;
  }

  bool failing() const { return first_failure_.has_value(); }

 private:
  static constexpr Duration kShortest = std::chrono::milliseconds(100);
  static constexpr Duration kLongest = std::chrono::seconds(2);

  Duration patience_;
  Random& random_;
  Duration delay_ = kShortest;
  std::optional<SteadyPoint> first_failure_;
};

}  // namespace muster::cli
