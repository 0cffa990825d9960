// Between the protocol's messages and the core's structs.
#pragma once

#include <vector>

#include "agent/core/agent_core.h"

namespace muster::v1 {
class Desired;
class Report;
}  // namespace muster::v1

namespace muster::agent {

// Attempts whose phase this version does not know are left as they are wanted to be least
// harmfully: prepared, not run.
Desired FromProto(const v1::Desired& message);
// In as many parts as it takes: a server takes messages of 4 MiB. Never none.
std::vector<v1::Report> ToProto(const Report& report, const NodeId& node);

}  // namespace muster::agent
