// What must be true of every state, checked after every step of a simulation and by `musterd
// --fsck`.
#pragma once

#include <string>
#include <vector>

#include "scheduler/model/state.h"

namespace muster::scheduler {

// One sentence for each broken invariant; empty when all hold. Linear in the state.
std::vector<std::string> BrokenInvariants(const State& state);

}  // namespace muster::scheduler
