// One seed: a virtual hour of a cluster under faults, with everything that was promised checked on
// the way.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "tests/sim/stats.h"

namespace muster::sim {

struct Outcome {
  std::optional<std::string> violation;  // the first broken promise
  std::uint64_t hash = 0;                // of all durable events
  Stats stats;
};

// The same seed gives the same outcome. With `tracing`, prints what happens, one line each.
Outcome Simulate(std::uint64_t seed, bool tracing);

}  // namespace muster::sim
