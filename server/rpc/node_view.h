// How a node looks from outside. Pure.
#pragma once

#include "muster/v1/cluster.pb.h"
#include "scheduler/model/state.h"
#include "server/core/core.h"

namespace muster::server {

// AmlCompute's state of a node, and why where something is wrong with it.
struct NodeCondition {
  muster::v1::NodeState state = muster::v1::NODE_STATE_IDLE;
  std::string reason;  // empty: nothing is wrong
};

// Linear in what the node holds. `state` is the one that `node` stands in.
NodeCondition ConditionOf(const scheduler::State& state, const scheduler::Node& node,
                          const Core::NodeSoftState& soft);

void EncodeNode(const scheduler::State& state, const scheduler::Node& node,
                const Core::NodeSoftState& soft, muster::v1::Node& out);

}  // namespace muster::server
