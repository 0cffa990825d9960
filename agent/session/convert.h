// Between the protocol's messages and the core's structs.
#pragma once

#include "agent/core/agent_core.h"

namespace muster::v1 {
class Desired;
class Report;
}  // namespace muster::v1

namespace muster::agent {

// Attempts whose phase this version does not know are left as they are wanted to be least
// harmfully: prepared, not run.
Desired FromProto(const v1::Desired& message);
v1::Report ToProto(const Report& report, const NodeId& node);

}  // namespace muster::agent
