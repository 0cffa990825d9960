// The level of each node: which attempts shall be on it, and in which phase. Computed from the
// state; sent when it differs from what the session was told last.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "scheduler/lifecycle/silence.h"
#include "scheduler/model/effect.h"
#include "scheduler/model/state.h"
#include "server/core/relay.h"
#include "server/core/sessions.h"

namespace muster::server {

class DesiredLevels {
 public:
  // `relay` must outlive it.
  DesiredLevels(const scheduler::SilenceConfig& config, const DaemonRelay& relay)
      : config_(config), relay_(relay) {}

  // The attempt has changed: takes it into, or out of, its nodes' levels. Call before it is pruned.
  void Track(const scheduler::State& state, const AttemptId& id);
  void Forget(const AttemptId& id) { tasks_.erase(id); }
  void ForgetNode(const NodeId& node) { nodes_.erase(node); }

  // The node's level, if its session may be told and either `force` or the level is news to it.
  std::optional<scheduler::SendDesired> Update(const scheduler::State& state, const NodeId& node,
                                               NodeSession& session, bool force, Now now);

  // The node has not yet reported what its level asks for, and was told at `before` or earlier.
  bool IsOverdue(const scheduler::State& state, const NodeId& node, SteadyPoint before) const;
  bool Contains(const NodeId& node, const AttemptId& id) const;

 private:
  struct NodeLevel {
    std::set<AttemptId> attempts;
    std::uint64_t version = 0;
    std::uint64_t told_session = 0;
    SteadyPoint told_at{};
    std::vector<scheduler::DesiredAttempt> told;
  };

  std::vector<scheduler::DesiredAttempt> Compute(const scheduler::State& state, const NodeId& node,
                                                 const NodeLevel& level);
  scheduler::DesiredAttempt ComputeOne(const scheduler::State& state, const NodeId& node,
                                       const scheduler::Attempt& attempt);
  std::shared_ptr<const scheduler::AttemptTask> TaskOf(const scheduler::State& state,
                                                       const scheduler::Attempt& attempt);

  scheduler::SilenceConfig config_;
  const DaemonRelay& relay_;
  std::map<NodeId, NodeLevel> nodes_;
  std::map<AttemptId, std::shared_ptr<const scheduler::AttemptTask>> tasks_;
};

}  // namespace muster::server
