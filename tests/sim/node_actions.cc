// The node's part that carries out what the agent's core asks for.
#include <utility>

#include "tests/sim/violation.h"
#include "tests/sim/virtual_node.h"

namespace muster::sim {

void VirtualNode::Do(const agent::AgentCore::Actions& actions) {
  for (const agent::Action& action : actions) {
    std::visit([this](const auto& what) { Act(what); }, action);
  }
  NoteLeases();
  SetTimer();
}

void VirtualNode::NoteLeases() {
  for (const agent::LeaseState& lease : core_->Leases()) {
    ledger_[lease.id].lease_until = lease.until;
  }
}

std::shared_ptr<VirtualShim> VirtualNode::ShimOf(const AttemptId& id) const {
  const auto it = shims_.find(id);
  return it == shims_.end() ? nullptr : it->second;
}

// What the server gives to this node must fit beside what has not finished here.
void VirtualNode::PromiseRoom(const AttemptId& id) const {
  const auto slots_of = [this](const AttemptId& attempt) {
    const auto entry = ledger_.find(attempt);
    if (entry == ledger_.end()) return 0U;
    return around_.workload.Plan(DecodeTask(entry->second.task).key)
        .requirements.processes_per_node;
  };
  std::uint32_t sum = slots_of(id);
  for (const agent::ObservedAttempt& other : core_->Observed()) {
    if (other.id == id || other.phase == agent::ObservedPhase::kFinished) continue;
    const bool whole = pool_.definition.sharing == scheduler::SharingMode::kExclusive;
    sum += slots_of(other.id);
    Promise(!whole && sum <= pool_.definition.slots_per_node, [&] {
      return "node " + id_.str() + " got " + ToString(id) + " while " + ToString(other.id) +
             " has not finished there";
    });
  }
}

void VirtualNode::Act(const agent::Prepare& action) {
  Promise(action.task != nullptr, "an attempt came without its task");
  LedgerEntry& entry = ledger_[action.id];
  entry.task = *action.task;
  entry.lease = action.lease;
  PromiseRoom(action.id);
  const TaskText task = DecodeTask(entry.task);
  const JobPlan& plan = around_.workload.Plan(task.key);
  const std::uint32_t failing_node = plan.failing_rank / plan.requirements.processes_per_node;
  const bool fails = plan.fate == Fate::kStagingFails && task.node_rank == failing_node;
  const Duration takes = around_.world.Chance(900)
                             ? around_.world.Between(milliseconds(1), milliseconds(400))
                             : around_.world.Between(seconds(1), seconds(20));
  around_.world.After(
      takes, WhileAlive([this, id = action.id, fails] {
        std::optional<agent::Failure> failure;
        if (fails) {
          failure = agent::Failure{agent::FailureCode::kStagingFailed, "The snapshot is damaged."};
        } else {
          ledger_[id].staged = true;
          around_.truth.Staged(id, id_);
        }
        Do(core_->OnPrepared(id, failure, now()));
      }));
}

void VirtualNode::Act(const agent::Launch& action) {
  LedgerEntry& entry = ledger_.at(action.id);
  entry.launched = true;
  TaskText task = DecodeTask(entry.task);
  const JobPlan& plan = around_.workload.Plan(task.key);
  const VirtualShim::Place place{around_.world, around_.truth, clock_, *this, id_};
  auto shim = std::make_shared<VirtualShim>(place, action.id, std::move(task), plan);
  shims_[action.id] = shim;
  around_.world.Trace([&] { return id_.str() + "  launches " + ToString(action.id); });
  shim->Start();
}

void VirtualNode::Act(const agent::StartDaemon& action) {
  if (const auto shim = ShimOf(action.id)) shim->StartDaemon(action.request);
}

void VirtualNode::Act(const agent::AnswerDaemon& action) {
  if (const auto shim = ShimOf(action.id)) shim->AnswerDaemon(action.exit);
}

void VirtualNode::Act(const agent::Terminate& action) {
  if (const auto shim = ShimOf(action.id)) shim->Terminate(action.grace_period);
}

void VirtualNode::Act(const agent::Kill& action) {
  around_.world.Trace([&] { return id_.str() + "  kills " + ToString(action.id); });
  if (const auto shim = ShimOf(action.id)) shim->Kill();
}

void VirtualNode::Act(const agent::ShipRest& action) { Ship(action.id); }

void VirtualNode::Ship(const AttemptId& id) {
  const bool reachable = around_.server.up() && !around_.network.Partitioned(id_);
  const bool is_long = around_.world.Chance(120);
  const Duration takes = !reachable ? around_.world.Between(seconds(1), seconds(3))
                         : is_long  ? around_.world.Between(seconds(2), minutes(2))
                                    : around_.world.Between(milliseconds(1), milliseconds(150));
  around_.world.After(takes, WhileAlive([this, id, reachable] {
                        const auto entry = ledger_.find(id);
                        if (entry == ledger_.end()) return;
                        if (!reachable) return Ship(id);
                        entry->second.finished = true;
                        SayWhatTheScriptSaid(id, entry->second.task);
                        Do(core_->OnShipped(id, now()));
                      }));
}

void VirtualNode::SayWhatTheScriptSaid(const AttemptId& id, const std::string& text) {
  const TaskText task = DecodeTask(text);
  const JobPlan& plan = around_.workload.Plan(task.key);
  const std::uint32_t node_rank = plan.failing_rank / plan.requirements.processes_per_node;
  if (plan.fate != Fate::kSaysFailed || task.node_rank != node_rank) return;
  Do(core_->OnScriptFailed(id, "The loss is not a number.", now()));
}

void VirtualNode::Act(const agent::Remove& action) {
  const auto shim = ShimOf(action.id);
  Promise(shim == nullptr || !shim->alive(), [&] {
    return "the directory of " + ToString(action.id) + " was removed under its processes";
  });
  shims_.erase(action.id);
  ledger_.erase(action.id);
}

void VirtualNode::Act(const agent::SendReport& action) {
  if (connection_ != nullptr) around_.network.SendUp(connection_, action.report);
}

std::vector<agent::RecoveredAttempt> VirtualNode::Recover() const {
  std::vector<agent::RecoveredAttempt> recovered;
  for (const auto& [id, entry] : ledger_) {
    agent::RecoveredAttempt attempt;
    attempt.id = id;
    attempt.task = std::make_shared<const std::string>(entry.task);
    attempt.lease = entry.lease;
    attempt.lease_until = entry.lease_until;
    attempt.phase = entry.staged ? agent::ObservedPhase::kReady : agent::ObservedPhase::kPreparing;
    if (const auto shim = ShimOf(id)) {
      attempt.phase =
          shim->alive() ? agent::ObservedPhase::kRunning : agent::ObservedPhase::kExited;
      attempt.ranks = shim->ranks();
      attempt.failure = shim->failure();
      attempt.daemons_started = shim->daemons_started();
      attempt.daemon_exits = shim->daemon_exits();
    }
    if (entry.finished) attempt.phase = agent::ObservedPhase::kFinished;
    recovered.push_back(std::move(attempt));
  }
  return recovered;
}

// While no agent runs, the shims themselves keep to the leases that the last one noted.
void VirtualNode::GuardLeasesWithoutAgent() {
  for (const auto& [id, entry] : ledger_) {
    const auto shim = ShimOf(id);
    if (shim == nullptr || !shim->alive() || !entry.lease_until) continue;
    const Duration when = entry.lease_until->time_since_epoch() - clock_.steady_offset;
    around_.world.At(when, [this, shim, process = process_] {
      if (core_ != nullptr || process != process_) return;
      shim->KillBecause(
          agent::Failure{agent::FailureCode::kLeaseExpired, "The lease ended while no agent ran."});
    });
  }
}

void VirtualNode::OnRunning(const AttemptId& id) {
  if (core_ != nullptr) Do(core_->OnRunning(id, now()));
}

void VirtualNode::OnRank(const AttemptId& id, const agent::Rank& rank) {
  if (core_ != nullptr) Do(core_->OnRank(id, rank, now()));
}

void VirtualNode::OnExited(const AttemptId& id) {
  if (core_ == nullptr) return;
  const auto shim = ShimOf(id);
  Do(core_->OnExited(id, shim->failure(), "last words", now()));
}

void VirtualNode::OnDaemonRequested(const AttemptId& id, const agent::DaemonRequest& request) {
  if (core_ != nullptr) Do(core_->OnDaemonRequested(id, request, now()));
}

void VirtualNode::OnDaemonEnded(const AttemptId& id, const agent::DaemonExit& exit) {
  if (core_ != nullptr) Do(core_->OnDaemonEnded(id, exit, now()));
}

}  // namespace muster::sim
