// What a run of many seeds prints at its end.
#pragma once

#include <cstdint>

#include "tests/sim/stats.h"

namespace muster::sim {

void PrintSummary(const Stats& stats, std::uint64_t seeds);
// Whether every legal transition of jobs and attempts was met; names those that were not.
bool AllTransitionsSeen(const Stats& stats);

}  // namespace muster::sim
