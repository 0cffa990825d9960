// What is due: silence of nodes, deadlines of attempts, the planner.
#include <algorithm>

#include "scheduler/model/queries.h"
#include "server/core/core_impl.h"

namespace muster::server {

scheduler::NodeHearing Core::Impl::HearingOf(const NodeId& node) const {
  scheduler::NodeHearing hearing;
  const NodeSession* session = sessions.Find(node);
  if (session != nullptr) {
    hearing.last_heard = session->last_heard;
    hearing.responding = session->responding;
  }
  const bool is_extended =
      leases_extended_until && (session == nullptr || !session->has_ended_extension);
  hearing.leases_extended_until = is_extended ? *leases_extended_until : hearing.last_heard;
  return hearing;
}

scheduler::NodeSilent Core::Impl::Silent() const {
  return [this](const NodeId& node) {
    const NodeSession* session = sessions.Find(node);
    return session == nullptr || session->IsSilent();
  };
}

void Core::Impl::RunTimers(Step& step) {
  const SteadyPoint now = step.now().steady;
  last_now = now;
  EndLeaseExtension(step);
  for (const NodeId& node : node_checks.TakeDue(now)) CheckNode(step, node);
  for (const AttemptId& id : attempt_deadlines.TakeDue(now)) {
    const auto kind = deadline_kinds.extract(id);
    const auto due = scheduler::DeadlineOf(state, id);
    if (kind.empty() || due != kind.mapped()) continue;
    scheduler::Expire(step.decision, id, *due, deadline_config);
  }
  if (planning.IsPending() && !shutting_down) {
    planning.Run(step.decision, free_nodes, ports, config.plan_budget);
  }
}

std::optional<SteadyPoint> Core::Impl::NextTimer() const {
  if (planning.IsPending() && !shutting_down) return last_now;
  std::optional<SteadyPoint> next;
  const std::optional<SteadyPoint> extension_end =
      shutting_down ? std::nullopt : leases_extended_until;
  for (const auto& time : {node_checks.Next(), attempt_deadlines.Next(), extension_end}) {
    if (time && (!next || *time < *next)) next = time;
  }
  return next;
}

void Core::Impl::EndLeaseExtension(Step& step) {
  if (shutting_down || !leases_extended_until || *leases_extended_until > last_now) return;
  leases_extended_until.reset();
  step.decision.Emit(scheduler::LeasesExtended{});
}

// Heartbeats only note the time, so a check mostly finds that there is nothing to judge yet.
void Core::Impl::CheckNode(Step& step, const NodeId& node) {
  if (!state.nodes.contains(node)) return;
  const scheduler::NodeHearing hearing = HearingOf(node);
  const auto due = scheduler::NextJudgement(state, node, hearing, silence);
  if (due && *due <= last_now) {
    const auto judgement = scheduler::JudgeSilence(step.decision, node, hearing, silence);
    if (judgement.not_responding) {
      sessions.Of(node, step.now()).responding = false;
      step.changed_rooms.insert(node);
    }
    if (judgement.end_session) Drop(step, node, "the node was silent for too long");
  }
  ScheduleCheck(node);
}

void Core::Impl::ScheduleCheck(const NodeId& node) {
  const auto next = state.nodes.contains(node)
                        ? scheduler::NextJudgement(state, node, HearingOf(node), silence)
                        : std::nullopt;
  if (next) {
    node_checks.Set(node, *next);
  } else {
    node_checks.Clear(node);
  }
}

void Core::Impl::ScheduleAttempt(const AttemptId& id, Now now) {
  const auto kind = scheduler::DeadlineOf(state, id);
  const auto known = deadline_kinds.find(id);
  if (known != deadline_kinds.end() && kind == known->second) return;
  if (!kind) {
    if (known == deadline_kinds.end()) return;
    deadline_kinds.erase(known);
    attempt_deadlines.Clear(id);
    return;
  }
  deadline_kinds[id] = *kind;
  attempt_deadlines.Set(
      id, now.steady + scheduler::TimeUntil(state, id, *kind, deadline_config, now.wall));
}

}  // namespace muster::server
