#include "scheduler/lifecycle/reports.h"

#include <algorithm>
#include <utility>

#include "base/planted_bug.h"
#include "scheduler/lifecycle/attempts.h"
#include "scheduler/lifecycle/outcome.h"
#include "scheduler/model/queries.h"

namespace muster::scheduler {

namespace {

constexpr std::size_t kMaxLogTailBytes = 4096;

NodePhase PhaseOf(ObservedPhase phase) {
  switch (phase) {
    case ObservedPhase::kPreparing:
      return NodePhase::kPreparing;
    case ObservedPhase::kReady:
      return NodePhase::kReady;
    case ObservedPhase::kRunning:
      return NodePhase::kRunning;
    case ObservedPhase::kExited:
      return NodePhase::kExited;
    case ObservedPhase::kFinished:
      return NodePhase::kFinished;
  }
  return NodePhase::kAssigned;
}

// The processes were started; an attempt that failed before that never runs.
bool HasStarted(const ObservedAttempt& observed) {
  return !observed.ranks.empty() || observed.phase == ObservedPhase::kRunning ||
         (observed.phase > ObservedPhase::kRunning && !observed.failure);
}

void NoteRunning(Decision& decision, const Attempt& attempt) {
  if (attempt.phase >= AttemptPhase::kRunning) return;
  decision.Emit(AttemptPhaseChanged{attempt.id, AttemptPhase::kRunning, StopMode::kTerminate, {}});
  if (decision.state().jobs.at(attempt.id.job).status == JobStatus::kPreparing) {
    decision.Emit(JobStatusChanged{attempt.id.job, JobStatus::kRunning, {}});
  }
}

// A rank ends with an exit code or by a signal, whatever a node says.
RankState WithOneEnd(RankState rank) {
  constexpr std::int32_t kUnknownExit = 255;
  if (!rank.ended) {
    rank.exit_code.reset();
    rank.signal.reset();
  } else if (rank.signal) {
    rank.exit_code.reset();
  } else if (!rank.exit_code) {
    rank.exit_code = kUnknownExit;
  }
  return rank;
}

void NoteRank(Decision& decision, const Attempt& attempt, const NodeId& node,
              const RankState& reported) {
  const JobRequirements& needs = decision.state().jobs.at(attempt.id.job).requirements;
  if (reported.rank >= needs.node_count * needs.processes_per_node) return;
  // Ranks follow the order of the nodes, whoever reports first.
  if (attempt.nodes.at(reported.rank / needs.processes_per_node).node != node) return;
  const auto known = attempt.ranks.find(reported.rank);
  const bool is_known = known != attempt.ranks.end();
  if (is_known && known->second.ended) return;
  const RankState rank = WithOneEnd(reported);
  if (!is_known) {
    decision.Emit(RankStarted{attempt.id, node, rank.rank, rank.started});
  }
  if (rank.ended) decision.Emit(RankEnded{attempt.id, node, rank});
}

void NoteLogTail(Decision& decision, const Attempt& attempt, const NodeId& node,
                 const std::string& lines) {
  const bool is_to_blame = attempt.cause && attempt.cause->node == node;
  if (lines.empty() || !attempt.log_tail.empty() || !is_to_blame) return;
  const std::size_t skipped = lines.size() - std::min(lines.size(), kMaxLogTailBytes);
  decision.Emit(AttemptLogTailNoted{attempt.id, lines.substr(skipped)});
}

void NotePhase(Decision& decision, const Attempt& attempt, const NodeId& node, NodePhase phase) {
  const bool gang_node_left = attempt.nodes.size() > 1 && phase == NodePhase::kExited;
  if (gang_node_left && IsPlanted(PlantedBug::kReleaseGangNodeEarly)) phase = NodePhase::kFinished;
  if (phase <= NodeIn(attempt, node)->phase) return;
  decision.Emit(AttemptNodePhaseChanged{attempt.id, node, phase});
}

void ObserveAttempt(Decision& decision, const NodeId& node, const ObservedAttempt& observed) {
  const Attempt* attempt = Find(decision.state().attempts, observed.id);
  const AttemptNode* member = attempt == nullptr ? nullptr : NodeIn(*attempt, node);
  if (member == nullptr || member->phase == NodePhase::kFinished) return;
  if (member->phase == NodePhase::kLost) {
    if (observed.phase != ObservedPhase::kFinished) return;
    decision.Emit(AttemptNodePhaseChanged{observed.id, node, NodePhase::kFinished});
    return;
  }
  if (HasStarted(observed)) NoteRunning(decision, *attempt);
  for (const RankState& rank : observed.ranks) NoteRank(decision, *attempt, node, rank);
  NotePhase(decision, *attempt, node, PhaseOf(observed.phase));
  if (auto failure = FailureIn(node, observed)) {
    StopAttempt(decision, observed.id, StopMode::kKill, *std::move(failure));
  }
  NoteLogTail(decision, *attempt, node, observed.last_log_lines);
  AdvanceAttempt(decision, observed.id);
}

// The node holds an attempt in the state, but does not say so.
void ObserveAbsence(Decision& decision, const NodeLevel& level, const AttemptId& id) {
  const Attempt& attempt = decision.state().attempts.at(id);
  const NodePhase phase = NodeIn(attempt, level.node)->phase;
  const bool is_stopping = attempt.phase >= AttemptPhase::kStopping;
  const bool may_still_start = level.told_to_start.contains(id);
  if (phase == NodePhase::kLost || (is_stopping && !may_still_start)) {
    decision.Emit(AttemptNodePhaseChanged{id, level.node, NodePhase::kFinished});
    AdvanceAttempt(decision, id);
    return;
  }
  // What was staged once is kept by the agent's ledger: without it, nothing is known of the
  // processes.
  if (phase < NodePhase::kReady) return;
  LoseOnNode(
      decision, id, level.node,
      CauseOf(CauseCode::kNodeLost,
              "Node " + level.node.str() + " has lost its record of the attempt.", level.node));
}

}  // namespace

void ObserveLevel(Decision& decision, const NodeLevel& level) {
  std::set<AttemptId> present;
  for (const ObservedAttempt& observed : level.attempts) {
    present.insert(observed.id);
    ObserveAttempt(decision, level.node, observed);
  }
  std::vector<AttemptId> absent;
  for (const auto& [id, slots] : decision.state().nodes.at(level.node).held) {
    if (!present.contains(id)) absent.push_back(id);
  }
  for (const AttemptId& id : absent) ObserveAbsence(decision, level, id);
}

}  // namespace muster::scheduler
