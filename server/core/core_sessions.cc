// What comes in through the sessions of nodes.
#include <algorithm>
#include <utility>

#include "base/planted_bug.h"
#include "scheduler/lifecycle/nodes.h"
#include "scheduler/lifecycle/reports.h"
#include "scheduler/model/queries.h"
#include "server/core/core_impl.h"

namespace muster::server {

namespace {

Status CheckCertificate(const scheduler::Node& node, const scheduler::Principal& principal) {
  const bool is_unchecked = principal.certificate_fingerprint == Digest();
  if (is_unchecked || principal.certificate_fingerprint == node.certificate_fingerprint) return {};
  return Fail(ErrorCode::kUnauthenticated, ErrorReason::kRevoked,
              "Node \"" + node.id.str() + "\" has a newer certificate than the one presented.");
}

}  // namespace

Result<ReplyValue> Core::Impl::Open(Step& step, const scheduler::OpenSession& command,
                                    const scheduler::Principal& principal) {
  const scheduler::Node* node = scheduler::Find(state.nodes, command.node);
  if (node == nullptr) {
    return Fail(ErrorCode::kNotFound, ErrorReason::kUnknownNode,
                "There is no node \"" + command.node.str() + "\"; it is to join first.");
  }
  MUSTER_TRY(CheckCertificate(*node, principal));
  NodeSession& session = sessions.Of(command.node, step.now());
  const std::uint64_t replaced = session.open;
  if (!Sessions::Open(session, command.session, command.incarnation)) {
    return Fail(ErrorCode::kAborted, ErrorReason::kUnspecified,
                "A newer session of node \"" + command.node.str() + "\" is open.");
  }
  if (replaced != 0) {
    step.before_levels.push_back(
        scheduler::DropSession{command.node, replaced, "a newer session replaces it"});
  }
  step.before_levels.push_back(scheduler::SendWelcome{command.node, command.session, state.epoch,
                                                      config.heartbeat_interval});
  scheduler::NoteArrival(step.decision, command.node, command.facts);
  session.responding = false;  // whatever it was: being heard now has its consequences
  Heard(step, command.node, session);
  return ReplyValue{command.node.str(), {}, false};
}

void Core::Impl::Close(Step& step, const scheduler::CloseSession& command) {
  const auto node = sessions.all().find(command.node);
  if (node == sessions.all().end() || node->second.open != command.session) return;
  sessions.Of(command.node, step.now()).open = 0;
  step.changed_rooms.insert(command.node);
}

void Core::Impl::Drop(Step& step, const NodeId& node, const std::string& reason) {
  if (sessions.Find(node) == nullptr) return;
  NodeSession& session = sessions.Of(node, step.now());
  if (session.open == 0) return;
  step.after_levels.push_back(scheduler::DropSession{node, session.open, reason});
  session.open = 0;
  step.changed_rooms.insert(node);
}

void Core::Impl::Heard(Step& step, const NodeId& node, NodeSession& session) {
  session.last_heard = step.now().steady;
  session.last_heard_wall = step.now().wall;
  if (session.responding) return;
  session.responding = true;
  scheduler::NoteHeard(step.decision, node, Silent());
  step.changed_rooms.insert(node);
  ScheduleCheck(node);
}

void Core::Impl::Heartbeat(Step& step, const scheduler::ReceiveHeartbeat& command) {
  const NodeSession* known = sessions.Find(command.node);
  if (known == nullptr || known->open == 0 || known->open != command.session) return;
  NodeSession& session = sessions.Of(command.node, step.now());
  Heard(step, command.node, session);
  if (!session.has_reported) return;
  step.after_levels.push_back(
      scheduler::SendHeartbeatAck{command.node, command.session, command.sent_us});
  // A level that has no effect is said again: nothing depends on a single message.
  const Duration patience = 3 * config.heartbeat_interval;
  if (levels.IsOverdue(state, command.node, step.now().steady - patience)) {
    step.forced_levels.insert(command.node);
  }
}

void Core::Impl::Report(Step& step, const scheduler::ReceiveReport& command) {
  const NodeSession* known = sessions.Find(command.node);
  if (known == nullptr || known->open == 0 || known->open != command.session) return;
  NodeSession& session = sessions.Of(command.node, step.now());
  Heard(step, command.node, session);
  step.after_levels.push_back(
      scheduler::SendReportAck{command.node, command.session, command.sequence});
  const bool is_old = command.sequence <= session.last_report;
  if (is_old && !IsPlanted(PlantedBug::kApplyReportTwice)) return;
  session.last_report = std::max(session.last_report, command.sequence);
  session.free_disk_bytes = command.free_disk_bytes;
  session.disk_low = command.disk_low;

  scheduler::ObserveLevel(
      step.decision, scheduler::NodeLevel{command.node, command.attempts, session.told_to_start});
  bool has_stranger = false;
  for (const scheduler::ObservedAttempt& observed : command.attempts) {
    const scheduler::Attempt* attempt = scheduler::Find(state.attempts, observed.id);
    const bool is_member =
        attempt != nullptr && scheduler::NodeIn(*attempt, command.node) != nullptr;
    if (is_member) relay.Observe(*attempt, command.node, observed, step.changed_levels);
    has_stranger = has_stranger || !levels.Contains(command.node, observed.id);
  }
  if (!session.has_reported || has_stranger) step.forced_levels.insert(command.node);
  session.has_reported = true;
  if (!shutting_down && !session.has_ended_extension) {
    session.has_ended_extension = true;
    ScheduleCheck(command.node);
  }
  step.changed_rooms.insert(command.node);
}

void Core::Impl::BeginShutdown(Step& step) {
  if (shutting_down) return;
  shutting_down = true;
  leases_extended_until = step.now().steady + config.planned_stop_extension;
  sessions.NoteExtension();
  step.decision.Emit(scheduler::LeasesExtended{step.now().wall + config.planned_stop_extension});
  for (const auto& [node, session] : sessions.all()) {
    if (session.open == 0) continue;
    step.after_levels.emplace_back(
        scheduler::SendGoodbye{node, session.open, config.planned_stop_extension});
  }
}

}  // namespace muster::server
