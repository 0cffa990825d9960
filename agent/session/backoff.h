// Delays between attempts to reach a server that does not answer.
#pragma once

#include <chrono>

#include "base/random.h"
#include "base/time.h"

namespace muster::agent {

struct BackoffConfig {
  Duration initial = std::chrono::milliseconds(100);
  // A server that comes back has its nodes again at once, long before it would give one up.
  Duration maximum = std::chrono::seconds(2);
};

// Doubles from `initial` to `maximum`; each delay is drawn from the upper half of its step, so that
// many agents that lost one server do not come back in the same moment. Not thread-safe.
class Backoff {
 public:
  Backoff(const BackoffConfig& config, Random& random)
      : config_(config), random_(random), step_(config.initial) {}

  // In [step / 2, step], at least `initial / 2`, at most `maximum`.
  Duration Next();
  // The next delay is the first one again.
  void Reset() { step_ = config_.initial; }

 private:
  BackoffConfig config_;
  Random& random_;
  Duration step_;
};

}  // namespace muster::agent
