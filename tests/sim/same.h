// Equality of the state's parts without what is derived. Each names what differs.
#pragma once

#include <string>

#include "scheduler/model/state.h"

namespace muster::sim {

bool Same(const scheduler::Job& a, const scheduler::Job& b);
bool Same(const scheduler::Attempt& a, const scheduler::Attempt& b);
bool Same(const scheduler::Node& a, const scheduler::Node& b);
bool Same(const scheduler::Pool& a, const scheduler::Pool& b);

// Everything, derived members too. Empty: no difference; else a sentence that names the first one.
std::string Difference(const scheduler::State& a, const scheduler::State& b);

}  // namespace muster::sim
