#include "server/rpc/node_view.h"

#include "scheduler/model/queries.h"

namespace muster::server {
namespace {

using scheduler::AttemptPhase;

std::string SinceText(const Core::NodeSoftState& soft) {
  return soft.last_heard ? "since " + FormatUtc(*soft.last_heard) : "since the server started";
}

// By what it holds alone.
v1::NodeState StateByWork(const scheduler::State& state, const scheduler::Node& node) {
  if (node.held.empty()) return v1::NODE_STATE_IDLE;
  if (node.draining) return v1::NODE_STATE_LEAVING;
  for (const auto& [id, slots] : node.held) {
    const scheduler::Attempt* attempt = scheduler::Find(state.attempts, id);
    if (attempt == nullptr || attempt->phase != AttemptPhase::kPreparing)
      return v1::NODE_STATE_RUNNING;
  }
  return v1::NODE_STATE_PREPARING;
}

}  // namespace

NodeCondition ConditionOf(const scheduler::State& state, const scheduler::Node& node,
                          const Core::NodeSoftState& soft) {
  if (node.lost) return {v1::NODE_STATE_UNUSABLE, "given up as lost; not heard " + SinceText(soft)};
  if (!soft.responding) return {v1::NODE_STATE_UNUSABLE, "not heard " + SinceText(soft)};
  NodeCondition condition{StateByWork(state, node), ""};
  if (!soft.connected) {
    condition.reason =
        soft.last_heard ? "its agent is not connected; last heard at " + FormatUtc(*soft.last_heard)
                        : "its agent has not connected since the server started";
  } else if (soft.disk_low) {
    if (node.held.empty()) condition.state = v1::NODE_STATE_UNUSABLE;
    condition.reason = "it has less free disk space than its reserve (" +
                       std::to_string(soft.free_disk_bytes >> 20) + " MiB free)";
  } else if (node.draining) {
    condition.reason = node.held.empty() ? "drained: it holds no work and takes none"
                                         : "draining: it takes no new work";
  } else if (node.cordoned) {
    condition.reason = "cordoned: it takes no new work";
  }
  return condition;
}

void EncodeNode(const scheduler::State& state, const scheduler::Node& node,
                const Core::NodeSoftState& soft, v1::Node& out) {
  NodeCondition condition = ConditionOf(state, node, soft);
  out.set_workspace(node.pool.workspace.str());
  out.set_id(node.id.str());
  out.set_pool(node.pool.name.str());
  out.set_state(condition.state);
  out.set_connected(soft.connected);
  out.set_cordoned(node.cordoned);
  out.set_draining(node.draining);
  out.set_slots(node.facts.slots);
  out.set_slots_used(scheduler::HeldSlots(node));
  out.set_host_name(node.facts.host_name);
  out.set_address(node.facts.address);
  out.set_agent_version(node.facts.agent_version);
  out.set_boot_id(node.facts.boot_id);
  out.set_free_disk_bytes(soft.free_disk_bytes);
  const JobId* previous = nullptr;  // two attempts of a job stand side by side: the map is ordered
  for (const auto& [attempt, slots] : node.held) {
    if (previous == nullptr || *previous != attempt.job) out.add_job_ids(attempt.job.str());
    previous = &attempt.job;
  }
  if (soft.last_heard) out.set_last_heard_us(ToMicros(*soft.last_heard));
  out.set_reason(std::move(condition.reason));
}

}  // namespace muster::server
