// The inside of the core, split over several files. Not for others.
#pragma once

#include <map>
#include <set>
#include <vector>

#include "scheduler/lifecycle/deadlines.h"
#include "scheduler/lifecycle/decision.h"
#include "scheduler/lifecycle/request.h"
#include "scheduler/lifecycle/silence.h"
#include "scheduler/placement/free_nodes.h"
#include "server/core/core.h"
#include "server/core/deadline_queue.h"
#include "server/core/desired.h"
#include "server/core/planning.h"
#include "server/core/ports.h"
#include "server/core/relay.h"
#include "server/core/sessions.h"

namespace muster::server {

// One step in the making.
struct Step {
  Step(scheduler::State& state, Now now, UserName actor) : decision(state, now, std::move(actor)) {}

  scheduler::Decision decision;
  // Sent before, and after, the levels that the step changes.
  std::vector<scheduler::Effect> before_levels;
  std::vector<scheduler::Effect> after_levels;
  std::set<NodeId> changed_levels;  // beyond those of the attempts that were touched
  std::set<NodeId> forced_levels;   // sent even if they say nothing new
  std::set<NodeId> changed_rooms;   // nodes that may be usable now, or no longer

  Now now() const { return decision.now(); }
};

struct Core::Impl {
  Impl(const CoreConfig& core_config, scheduler::State loaded, Random& random);

  // core_start.cc
  void Start(Step& step);

  // core_commands.cc: what the step has decided is in it, whatever is answered.
  struct Executor;
  Result<ReplyValue> Execute(Step& step, const scheduler::Command& command);

  // core_sessions.cc
  Result<ReplyValue> Open(Step& step, const scheduler::OpenSession& command,
                          const scheduler::Principal& principal);
  void Close(Step& step, const scheduler::CloseSession& command);
  void Heartbeat(Step& step, const scheduler::ReceiveHeartbeat& command);
  void Report(Step& step, const scheduler::ReceiveReport& command);
  void BeginShutdown(Step& step);
  // The session ends; nothing of it counts from now on.
  void Drop(Step& step, const NodeId& node, const std::string& reason);
  void Heard(Step& step, const NodeId& node, NodeSession& session);

  // core_timers.cc
  void RunTimers(Step& step);
  std::optional<SteadyPoint> NextTimer() const;
  void CheckNode(Step& step, const NodeId& node);
  void ScheduleCheck(const NodeId& node);
  void ScheduleAttempt(const AttemptId& id, Now now);
  void EndLeaseExtension(Step& step);

  // core_step.cc
  StepOutput Finish(Step& step);
  void NoteEvents(Step& step, std::vector<scheduler::Effect>& effects);
  void RefreshRooms(Step& step);
  void UpdateLevels(Step& step, std::vector<scheduler::Effect>& effects);
  void Forget(const scheduler::Touched& touched);

  scheduler::Surroundings SurroundingsOf(const scheduler::Principal& principal) const;
  scheduler::NodeHearing HearingOf(const NodeId& node) const;
  scheduler::NodeSilent Silent() const;

  const CoreConfig config;
  const scheduler::SilenceConfig silence;
  const scheduler::DeadlineConfig deadline_config;
  scheduler::State state;

  Sessions sessions;
  DaemonRelay relay;
  DesiredLevels levels;
  scheduler::FreeNodes free_nodes;
  Planning planning;
  Ports ports;
  DeadlineQueue<NodeId> node_checks;
  DeadlineQueue<AttemptId> attempt_deadlines;
  std::map<AttemptId, scheduler::Deadline> deadline_kinds;
  // No lease is judged before; unset: no planned stop is being waited out.
  std::optional<SteadyPoint> leases_extended_until;

  bool shutting_down = false;
  bool disk_low = false;
  std::uint64_t free_disk_bytes = 0;
  std::uint64_t disk_reserve_bytes = 0;
  SteadyPoint last_now{};
};

}  // namespace muster::server
