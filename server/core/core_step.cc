// The end of a step: what the events mean for soft state, levels, rows, and what may be forgotten.
#include <type_traits>
#include <utility>
#include <variant>

#include "scheduler/model/queries.h"
#include "server/core/core_impl.h"
#include "server/core/rows.h"

namespace muster::server {

namespace {

template <class Event, class... Others>
constexpr bool kIsOneOf = (std::is_same_v<Event, Others> || ...);

template <class Event>
constexpr bool kChangesIdentities =
    kIsOneOf<Event, scheduler::TokenCreated, scheduler::TokenRevoked, scheduler::TokenForgotten,
             scheduler::NodeJoined, scheduler::NodeCertificateRenewed, scheduler::NodeRemoved>;

// What single events mean beyond the state.
struct EventNotes {
  const scheduler::State& state;
  Planning& planning;
  Ports& ports;
  std::set<NodeId>& changed_rooms;
  std::set<NodeId>& new_work;
  bool identities = false;

  void operator()(const scheduler::JobSubmitted& event) { MarkJob(event.id); }
  void operator()(const scheduler::JobStatusChanged& event) {
    if (event.status == scheduler::JobStatus::kQueued) MarkJob(event.job);
    // It may have waited in front of others.
    if (event.status == scheduler::JobStatus::kCanceled) {
      planning.MarkPool(scheduler::PoolOf(state.jobs.at(event.job)));
    }
  }
  void operator()(const scheduler::PoolUpdated& event) {
    const scheduler::PoolKey key{event.definition.workspace, event.definition.name};
    const std::set<NodeId>& nodes = state.pools.at(key).nodes;
    changed_rooms.insert(nodes.begin(), nodes.end());
    planning.MarkPool(key);
  }
  void operator()(const scheduler::AttemptCreated& event) {
    ports.Use(event.id, event.master_port);
    new_work.insert(event.nodes.begin(), event.nodes.end());
  }
  template <class Event>
  void operator()(const Event&) {
    if constexpr (kChangesIdentities<Event>) identities = true;
  }

  void MarkJob(const JobId& id) {
    const scheduler::Job& job = state.jobs.at(id);
    planning.MarkJob(scheduler::PoolOf(job), scheduler::QueueKeyOf(job));
  }
};

}  // namespace

StepOutput Core::Impl::Finish(Step& step) {
  StepOutput output;
  output.effects = std::move(step.before_levels);
  const scheduler::Touched& touched = step.decision.touched();
  if (!step.decision.events().empty()) NoteEvents(step, output.effects);
  RefreshRooms(step);
  UpdateLevels(step, output.effects);
  for (scheduler::Effect& effect : step.after_levels) {
    output.effects.push_back(std::move(effect));
  }
  if (step.decision.events().empty()) return output;
  output.batch.rows = RowsOf(state, touched);
  scheduler::Prune(state, touched);
  Forget(touched);
  output.batch.events = step.decision.TakeEvents();
  return output;
}

void Core::Impl::NoteEvents(Step& step, std::vector<scheduler::Effect>& effects) {
  std::set<NodeId> new_work;
  EventNotes notes{state, planning, ports, step.changed_rooms, new_work};
  for (const scheduler::Event& event : step.decision.events()) std::visit(notes, event.body);
  if (notes.identities) effects.push_back(scheduler::PublishIdentities{});

  const scheduler::Touched& touched = step.decision.touched();
  step.changed_rooms.insert(touched.nodes.begin(), touched.nodes.end());
  for (const AttemptId& id : touched.attempts) {
    levels.Track(state, id);
    ScheduleAttempt(id, step.now());
    for (const scheduler::AttemptNode& member : state.attempts.at(id).nodes) {
      step.changed_levels.insert(member.node);
      step.changed_rooms.insert(member.node);
    }
  }
  for (const JobId& id : touched.jobs) {
    const scheduler::Job& job = state.jobs.at(id);
    if (job.attempt_count > 0) ScheduleAttempt(scheduler::CurrentAttemptOf(job), step.now());
  }
  // A lease may be shorter than the time until the next check.
  for (const NodeId& node : new_work) ScheduleCheck(node);
}

void Core::Impl::RefreshRooms(Step& step) {
  for (const NodeId& id : step.changed_rooms) {
    const NodeSession* session = sessions.Find(id);
    const bool usable = session != nullptr && session->IsUsable();
    const scheduler::Node* node = scheduler::Find(state.nodes, id);
    const bool matters = free_nodes.Refresh(state, id, usable);
    if (matters && node != nullptr) planning.MarkPool(node->pool);
  }
}

void Core::Impl::UpdateLevels(Step& step, std::vector<scheduler::Effect>& effects) {
  step.changed_levels.insert(step.forced_levels.begin(), step.forced_levels.end());
  for (const NodeId& node : step.changed_levels) {
    const NodeSession* known = sessions.Find(node);
    if (known == nullptr) continue;
    NodeSession& session = sessions.Of(node, step.now());
    const bool force = step.forced_levels.contains(node);
    auto desired = levels.Update(state, node, session, force, step.now());
    if (desired) effects.push_back(*std::move(desired));
  }
}

void Core::Impl::Forget(const scheduler::Touched& touched) {
  for (const AttemptId& id : touched.attempts) {
    if (state.attempts.contains(id)) continue;
    relay.Forget(id);
    ports.Release(id);
    levels.Forget(id);
    deadline_kinds.erase(id);
    attempt_deadlines.Clear(id);
  }
  for (const NodeId& id : touched.nodes) {
    if (state.nodes.contains(id)) continue;
    sessions.Forget(id);
    levels.ForgetNode(id);
    node_checks.Clear(id);
  }
}

}  // namespace muster::server
