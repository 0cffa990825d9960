#include "agent/session/convert.h"

#include <utility>

#include "agent/logs/utf8.h"
#include "muster/v1/agent.pb.h"

namespace muster::agent {
namespace {

// The protocol's limits. A report over one of them, or with a text that is no UTF-8, would be
// refused, and sent again, for ever.
constexpr std::size_t kMaxMessageTextBytes = 4096;
constexpr std::size_t kMaxLogTailBytes = 4096;

DesiredPhase PhaseOf(v1::DesiredPhase phase) {
  if (phase == v1::DESIRED_PHASE_RUN) return DesiredPhase::kRun;
  if (phase == v1::DESIRED_PHASE_TERMINATE) return DesiredPhase::kTerminate;
  if (phase == v1::DESIRED_PHASE_KILL) return DesiredPhase::kKill;
  return DesiredPhase::kPrepare;
}

DaemonRequest FromProto(const v1::DaemonRequest& message) {
  return {message.id(),
          NodeId(message.node_id()),
          {message.arguments().begin(), message.arguments().end()}};
}

DesiredAttempt FromProto(const v1::DesiredAttempt& message) {
  DesiredAttempt attempt;
  attempt.id = {JobId(message.job_id()), message.attempt()};
  attempt.phase = PhaseOf(message.phase());
  if (message.has_task()) {
    attempt.task = std::make_shared<const std::string>(message.task().SerializeAsString());
  }
  attempt.grace_period = std::chrono::milliseconds(message.grace_period_ms());
  attempt.lease = std::chrono::milliseconds(message.lease_ms());
  for (const auto& request : message.daemons()) attempt.daemons.push_back(FromProto(request));
  for (const auto& exit : message.daemon_exits()) {
    attempt.daemon_exits.push_back({exit.id(), exit.exit_code()});
  }
  return attempt;
}

void Fill(v1::DaemonRequest& message, const DaemonRequest& request) {
  message.set_id(request.id);
  message.set_node_id(ToUtf8(request.node.str(), request.node.str().size()));
  for (const std::string& argument : request.arguments) {
    message.add_arguments(ToUtf8(argument, argument.size()));
  }
}

void Fill(v1::ObservedRank& message, const Rank& rank) {
  message.set_rank(rank.rank);
  message.set_started_us(ToMicros(rank.started));
  if (rank.ended) message.set_ended_us(ToMicros(*rank.ended));
  if (rank.exit_code) message.set_exit_code(*rank.exit_code);
  if (rank.signal) message.set_signal(*rank.signal);
}

void Fill(v1::ObservedAttempt& message, const ObservedAttempt& attempt, const NodeId& node) {
  message.set_job_id(attempt.id.job.str());
  message.set_attempt(attempt.id.number);
  // The numbers of phases and of failures are those of the protocol.
  message.set_phase(static_cast<v1::ObservedPhase>(attempt.phase));
  for (const Rank& rank : attempt.ranks) Fill(*message.add_ranks(), rank);
  if (attempt.failure) {
    v1::Cause& cause = *message.mutable_failure();
    cause.set_code(static_cast<v1::CauseCode>(attempt.failure->code));
    cause.set_message(ToUtf8(attempt.failure->message, kMaxMessageTextBytes));
    cause.set_node_id(node.str());
  }
  for (const DaemonRequest& request : attempt.daemon_requests) {
    Fill(*message.add_daemon_requests(), request);
  }
  for (const DaemonExit& exit : attempt.daemon_exits) {
    v1::DaemonExit& added = *message.add_daemon_exits();
    added.set_id(exit.id);
    added.set_exit_code(exit.exit_code);
  }
  message.set_last_log_lines(ToUtf8(attempt.last_log_lines, kMaxLogTailBytes));
}

}  // namespace

Desired FromProto(const v1::Desired& message) {
  Desired desired;
  desired.epoch = message.epoch();
  desired.version = message.version();
  for (const auto& attempt : message.attempts()) desired.attempts.push_back(FromProto(attempt));
  return desired;
}

v1::Report ToProto(const Report& report, const NodeId& node) {
  v1::Report message;
  message.set_sequence(report.sequence);
  for (const ObservedAttempt& attempt : report.attempts) {
    Fill(*message.add_attempts(), attempt, node);
  }
  message.set_free_disk_bytes(report.free_disk_bytes);
  message.set_disk_low(report.disk_low);
  return message;
}

}  // namespace muster::agent
