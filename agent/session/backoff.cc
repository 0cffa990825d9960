#include "agent/session/backoff.h"

#include <algorithm>
#include <cstdint>

namespace muster::agent {

Duration Backoff::Next() {
  const Duration step = std::min(step_, config_.maximum);
  step_ = std::min(config_.maximum, step * 2);
  const auto half = static_cast<std::uint64_t>(step.count() / 2);
  return Duration(static_cast<Duration::rep>(half + random_.Below(half + 1)));
}

}  // namespace muster::agent
