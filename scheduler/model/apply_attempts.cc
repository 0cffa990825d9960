#include <algorithm>

#include "base/check.h"
#include "scheduler/lifecycle/transitions.h"
#include "scheduler/model/apply_parts.h"
#include "scheduler/model/queries.h"

namespace muster::scheduler {

namespace {

void NoteEnd(const ApplyContext& context, const AttemptPhaseChanged& event, Attempt& attempt) {
  attempt.ended = context.time;
  if (!attempt.cause) return;
  const bool is_node_loss = attempt.cause->code == CauseCode::kNodeLost ||
                            attempt.cause->code == CauseCode::kLeaseExpired;
  if (!is_node_loss) return;
  MustFind(context.state, event.id.job).node_losses += 1;
  context.touched.jobs.insert(event.id.job);
}

}  // namespace

void ApplyBody(const ApplyContext& context, const AttemptCreated& event) {
  State& state = context.state;
  Job& job = MustFind(state, event.id.job);
  MUSTER_CHECK(event.id.number == job.attempt_count + 1, "attempts are numbered without gaps");
  job.attempt_count = event.id.number;
  Attempt attempt;
  attempt.id = event.id;
  attempt.master_port = event.master_port;
  attempt.created = context.time;
  for (const NodeId& node : event.nodes) {
    attempt.nodes.push_back(AttemptNode{node, NodePhase::kAssigned});
    MustFind(state, node).held[event.id] = job.requirements.processes_per_node;
  }
  state.attempts.emplace(event.id, std::move(attempt));
  context.touched.attempts.insert(event.id);
  context.touched.jobs.insert(event.id.job);
}

void ApplyBody(const ApplyContext& context, const AttemptPhaseChanged& event) {
  Attempt& attempt = MustFind(context.state, event.id);
  MUSTER_CHECK(IsLegal(attempt.phase, event.phase), "an illegal step of an attempt");
  attempt.phase = event.phase;
  if (event.cause) attempt.cause = event.cause;
  switch (event.phase) {
    case AttemptPhase::kPreparing:
    case AttemptPhase::kLaunching:
      break;
    case AttemptPhase::kRunning:
      attempt.running = context.time;
      break;
    case AttemptPhase::kStopping:
      attempt.stopping = context.time;
      attempt.stop = event.stop;
      break;
    case AttemptPhase::kEnded:
      NoteEnd(context, event, attempt);
      break;
  }
  context.touched.attempts.insert(event.id);
}

void ApplyBody(const ApplyContext& context, const AttemptNodePhaseChanged& event) {
  Attempt& attempt = MustFind(context.state, event.id);
  const auto member =
      std::find_if(attempt.nodes.begin(), attempt.nodes.end(),
                   [&event](const AttemptNode& candidate) { return candidate.node == event.node; });
  MUSTER_CHECK(member != attempt.nodes.end(), "the node is not in the attempt");
  MUSTER_CHECK(IsLegal(member->phase, event.phase), "an illegal step of an attempt's node");
  member->phase = event.phase;
  if (!Holds(*member)) MustFind(context.state, event.node).held.erase(event.id);
  context.touched.attempts.insert(event.id);
}

void ApplyBody(const ApplyContext& context, const RankStarted& event) {
  Attempt& attempt = MustFind(context.state, event.id);
  RankState rank;
  rank.rank = event.rank;
  rank.started = event.started;
  attempt.ranks[event.rank] = rank;
  attempt.rank_nodes[event.rank] = event.node;
  context.touched.attempts.insert(event.id);
}

void ApplyBody(const ApplyContext& context, const RankEnded& event) {
  Attempt& attempt = MustFind(context.state, event.id);
  attempt.ranks[event.state.rank] = event.state;
  attempt.rank_nodes[event.state.rank] = event.node;
  context.touched.attempts.insert(event.id);
}

void ApplyBody(const ApplyContext& context, const AttemptLogTailNoted& event) {
  MustFind(context.state, event.id).log_tail = event.text;
  context.touched.attempts.insert(event.id);
}

void ApplyBody(const ApplyContext& context, const AttemptCauseChanged& event) {
  Attempt& attempt = MustFind(context.state, event.id);
  MUSTER_CHECK(attempt.phase == AttemptPhase::kStopping, "only what stops has a cause to change");
  attempt.cause = event.cause;
  attempt.log_tail.clear();
  context.touched.attempts.insert(event.id);
}

}  // namespace muster::scheduler
