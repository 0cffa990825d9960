// Events as text: the readable trace, and what the hash of a run is taken over. Whatever tells two
// runs apart must stand in it.
#pragma once

#include <string>

#include "scheduler/model/event.h"

namespace muster::sim {

std::string Describe(const scheduler::Event& event);
std::string Describe(const scheduler::Cause& cause);

}  // namespace muster::sim
