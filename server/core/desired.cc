#include "server/core/desired.h"

#include <algorithm>
#include <utility>

#include "scheduler/model/queries.h"

namespace muster::server {

namespace {

using scheduler::Attempt;
using scheduler::AttemptNode;
using scheduler::AttemptPhase;
using scheduler::AttemptTask;
using scheduler::DesiredAttempt;
using scheduler::DesiredPhase;
using scheduler::NodePhase;
using scheduler::State;

// A member that has finished stays in the level while the rest of its gang runs: only then may the
// node forget what it knows of the attempt.
bool IsInLevel(const Attempt& attempt, const AttemptNode& member) {
  if (member.phase == NodePhase::kLost) return false;
  return attempt.phase != AttemptPhase::kEnded || member.phase != NodePhase::kFinished;
}

DesiredPhase PhaseOf(const Attempt& attempt) {
  switch (attempt.phase) {
    case AttemptPhase::kPreparing:
      return attempt.nodes.size() == 1 ? DesiredPhase::kRun : DesiredPhase::kPrepare;
    case AttemptPhase::kLaunching:
    case AttemptPhase::kRunning:
      return DesiredPhase::kRun;
    case AttemptPhase::kStopping:
      return attempt.stop == scheduler::StopMode::kTerminate ? DesiredPhase::kTerminate
                                                             : DesiredPhase::kKill;
    case AttemptPhase::kEnded:
      return DesiredPhase::kKill;
  }
  return DesiredPhase::kKill;
}

bool Starts(DesiredPhase phase) {
  return phase == DesiredPhase::kPrepare || phase == DesiredPhase::kRun;
}

NodePhase Goal(DesiredPhase phase) {
  switch (phase) {
    case DesiredPhase::kPrepare:
      return NodePhase::kReady;
    case DesiredPhase::kRun:
      return NodePhase::kRunning;
    case DesiredPhase::kTerminate:
      return NodePhase::kFinished;
    case DesiredPhase::kKill:
      return NodePhase::kFinished;
  }
  return NodePhase::kFinished;
}

bool IsSame(const DesiredAttempt& a, const DesiredAttempt& b) {
  return a.id == b.id && a.phase == b.phase && a.daemons == b.daemons &&
         a.daemon_exits == b.daemon_exits;
}

}  // namespace

void DesiredLevels::Track(const State& state, const AttemptId& id) {
  const Attempt* attempt = scheduler::Find(state.attempts, id);
  if (attempt == nullptr) return;
  for (const AttemptNode& member : attempt->nodes) {
    if (IsInLevel(*attempt, member)) {
      nodes_[member.node].attempts.insert(id);
    } else if (const auto level = nodes_.find(member.node); level != nodes_.end()) {
      level->second.attempts.erase(id);
    }
  }
}

std::optional<scheduler::SendDesired> DesiredLevels::Update(const State& state, const NodeId& node,
                                                            NodeSession& session, bool force,
                                                            Now now) {
  if (session.open == 0 || !session.has_reported) return std::nullopt;
  NodeLevel& level = nodes_[node];
  std::vector<DesiredAttempt> desired = Compute(state, node, level);
  const bool is_known =
      level.told_session == session.open &&
      std::equal(desired.begin(), desired.end(), level.told.begin(), level.told.end(), IsSame);
  if (is_known && !force) return std::nullopt;
  level.version += 1;
  level.told_session = session.open;
  level.told_at = now.steady;
  level.told = desired;
  for (const DesiredAttempt& attempt : desired) {
    if (Starts(attempt.phase)) session.told_to_start.insert(attempt.id);
  }
  return scheduler::SendDesired{node, session.open, state.epoch, level.version, std::move(desired)};
}

bool DesiredLevels::IsOverdue(const State& state, const NodeId& node, SteadyPoint before) const {
  const NodeLevel* level = scheduler::Find(nodes_, node);
  if (level == nullptr || level->told_at > before) return false;
  return std::any_of(level->told.begin(), level->told.end(), [&](const DesiredAttempt& desired) {
    const Attempt* attempt = scheduler::Find(state.attempts, desired.id);
    const AttemptNode* member = attempt == nullptr ? nullptr : scheduler::NodeIn(*attempt, node);
    return member != nullptr && member->phase < Goal(desired.phase);
  });
}

bool DesiredLevels::Contains(const NodeId& node, const AttemptId& id) const {
  const NodeLevel* level = scheduler::Find(nodes_, node);
  return level != nullptr && level->attempts.contains(id);
}

std::vector<DesiredAttempt> DesiredLevels::Compute(const State& state, const NodeId& node,
                                                   const NodeLevel& level) {
  std::vector<DesiredAttempt> desired;
  desired.reserve(level.attempts.size());
  for (const AttemptId& id : level.attempts) {
    desired.push_back(ComputeOne(state, node, state.attempts.at(id)));
  }
  return desired;
}

DesiredAttempt DesiredLevels::ComputeOne(const State& state, const NodeId& node,
                                         const Attempt& attempt) {
  const scheduler::Job& job = state.jobs.at(attempt.id.job);
  const AttemptNode* member = scheduler::NodeIn(attempt, node);
  DesiredAttempt desired;
  desired.id = attempt.id;
  desired.phase = PhaseOf(attempt);
  desired.task = TaskOf(state, attempt);
  desired.node_rank = static_cast<std::uint32_t>(member - attempt.nodes.data());
  desired.grace_period = job.requirements.grace_period;
  desired.lease = scheduler::LeaseOf(job, config_);
  desired.daemons = relay_.DaemonsFor(attempt, node);
  desired.daemon_exits = relay_.ExitsFor(attempt, node);
  return desired;
}

std::shared_ptr<const AttemptTask> DesiredLevels::TaskOf(const State& state,
                                                         const Attempt& attempt) {
  std::shared_ptr<const AttemptTask>& known = tasks_[attempt.id];
  if (known != nullptr) return known;
  const scheduler::Job& job = state.jobs.at(attempt.id.job);
  auto task = std::make_shared<AttemptTask>();
  task->workspace = job.workspace;
  task->spec = job.spec;
  task->master_port = attempt.master_port;
  for (const AttemptNode& member : attempt.nodes) {
    const scheduler::Node* node = scheduler::Find(state.nodes, member.node);
    const scheduler::NodeFacts facts = node == nullptr ? scheduler::NodeFacts{} : node->facts;
    task->gang.push_back(scheduler::GangNode{member.node, facts.address, facts.host_name});
  }
  for (auto it = state.datastores.lower_bound({job.workspace, {}});
       it != state.datastores.end() && it->first.workspace == job.workspace; ++it) {
    task->datastores.push_back({it->first.name, it->second.local_path});
  }
  known = std::move(task);
  return known;
}

}  // namespace muster::server
