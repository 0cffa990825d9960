#include "scheduler/lifecycle/silence.h"

#include <algorithm>
#include <vector>

#include "base/planted_bug.h"
#include "scheduler/lifecycle/attempts.h"
#include "scheduler/lifecycle/nodes.h"
#include "scheduler/lifecycle/outcome.h"
#include "scheduler/model/queries.h"

namespace muster::scheduler {

namespace {

// Attempts that may still run on the node and whose job is not over.
std::vector<AttemptId> LiveOn(const State& state, const NodeId& node) {
  std::vector<AttemptId> live;
  for (const auto& [id, slots] : state.nodes.at(node).held) {
    const Attempt& attempt = state.attempts.at(id);
    const bool is_lost = NodeIn(attempt, node)->phase == NodePhase::kLost;
    if (!is_lost && attempt.phase != AttemptPhase::kEnded) live.push_back(id);
  }
  return live;
}

std::optional<SteadyPoint> LeaseEnd(const State& state, const AttemptId& id,
                                    const NodeHearing& hearing, const SilenceConfig& config) {
  const Duration lease = LeaseOf(state.jobs.at(id.job), config);
  if (lease == Duration::zero()) return std::nullopt;
  if (IsPlanted(PlantedBug::kRetryBeforeLease)) {
    return hearing.last_heard + config.not_responding_after;
  }
  return std::max(hearing.last_heard + lease, hearing.leases_extended_until) + config.lease_margin;
}

// Not before the leases there have run out, however short lost_after is.
SteadyPoint LossOf(const State& state, const NodeId& node, const NodeHearing& hearing,
                   const SilenceConfig& config) {
  SteadyPoint loss = hearing.last_heard + config.lost_after;
  for (const AttemptId& id : LiveOn(state, node)) {
    loss = std::max(loss, LeaseEnd(state, id, hearing, config).value_or(loss));
  }
  return loss;
}

std::string Silence(const Decision& decision, const NodeId& node, const NodeHearing& hearing) {
  return "Node " + node.str() + " has not been heard for " +
         FormatDuration(decision.now().steady - hearing.last_heard);
}

void NoteSilence(Decision& decision, const NodeId& node, const NodeHearing& hearing) {
  const Cause cause =
      CauseOf(CauseCode::kUnspecified, Silence(decision, node, hearing) + ".", node);
  for (const AttemptId& id : LiveOn(decision.state(), node)) {
    const JobStatus status = decision.state().jobs.at(id.job).status;
    const bool can_be_silent = status == JobStatus::kPreparing || status == JobStatus::kRunning ||
                               status == JobStatus::kFinalizing;
    if (!can_be_silent) continue;
    decision.Emit(JobStatusChanged{id.job, JobStatus::kNotResponding, cause});
  }
}

bool ExpireLeases(Decision& decision, const NodeId& node, const NodeHearing& hearing,
                  const SilenceConfig& config) {
  bool any = false;
  for (const AttemptId& id : LiveOn(decision.state(), node)) {
    const auto end = LeaseEnd(decision.state(), id, hearing, config);
    if (!end || *end > decision.now().steady) continue;
    const std::string sentence =
        Silence(decision, node, hearing) + "; the attempt's lease has run out.";
    LoseOnNode(decision, id, node, CauseOf(CauseCode::kNodeLost, sentence, node));
    any = true;
  }
  return any;
}

}  // namespace

Duration LeaseOf(const Job& job, const SilenceConfig& config) {
  if (job.requirements.node_loss_retries == 0) return Duration::zero();
  const Duration own = job.requirements.lease;
  return own > Duration::zero() ? own : config.default_lease;
}

std::optional<SteadyPoint> NextJudgement(const State& state, const NodeId& node,
                                         const NodeHearing& hearing, const SilenceConfig& config) {
  if (state.nodes.at(node).lost) return std::nullopt;
  SteadyPoint next = LossOf(state, node, hearing, config);
  if (hearing.responding) next = std::min(next, hearing.last_heard + config.not_responding_after);
  for (const AttemptId& id : LiveOn(state, node)) {
    next = std::min(next, LeaseEnd(state, id, hearing, config).value_or(next));
  }
  return next;
}

Judgement JudgeSilence(Decision& decision, const NodeId& node, const NodeHearing& hearing,
                       const SilenceConfig& config) {
  Judgement judgement;
  if (decision.state().nodes.at(node).lost) return judgement;
  const SteadyPoint now = decision.now().steady;
  judgement.not_responding = now >= hearing.last_heard + config.not_responding_after;
  if (judgement.not_responding && hearing.responding) NoteSilence(decision, node, hearing);
  judgement.end_session = ExpireLeases(decision, node, hearing, config);
  if (now >= LossOf(decision.state(), node, hearing, config)) {
    LoseNode(decision, node,
             CauseOf(CauseCode::kNodeLost, Silence(decision, node, hearing) + "; it is given up.",
                     node));
    judgement.end_session = true;
  }
  return judgement;
}

void NoteHeard(Decision& decision, const NodeId& node, const NodeSilent& silent) {
  const State& state = decision.state();
  for (const AttemptId& id : LiveOn(state, node)) {
    const Job& job = state.jobs.at(id.job);
    if (job.status != JobStatus::kNotResponding) continue;
    const Attempt& attempt = state.attempts.at(id);
    const bool any_silent =
        std::any_of(attempt.nodes.begin(), attempt.nodes.end(), [&](const AttemptNode& member) {
          return member.phase < NodePhase::kFinished && silent(member.node);
        });
    if (any_silent) continue;
    decision.Emit(JobStatusChanged{id.job, LiveStatus(job, attempt), {}});
  }
}

}  // namespace muster::scheduler
