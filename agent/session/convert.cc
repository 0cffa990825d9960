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
// A part is closed once it has as many: one more attempt, or daemon request, leaves it far below
// what a server takes.
constexpr std::size_t kFullPartBytes = std::size_t{2} << 20;

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
  for (const DaemonExit& exit : attempt.daemon_exits) {
    v1::DaemonExit& added = *message.add_daemon_exits();
    added.set_id(exit.id);
    added.set_exit_code(exit.exit_code);
  }
  message.set_last_log_lines(ToUtf8(attempt.last_log_lines, kMaxLogTailBytes));
}

class ReportParts {
 public:
  explicit ReportParts(const Report& report) : report_(report) { Begin(); }

  void Add(const ObservedAttempt& attempt, const NodeId& node) {
    v1::ObservedAttempt* message = Room().add_attempts();
    Fill(*message, attempt, node);
    bytes_ += message->ByteSizeLong();
    // The list that can be long: one request for each node of a large gang.
    for (const DaemonRequest& request : attempt.daemon_requests) {
      const std::size_t before = parts_.size();
      v1::Report& part = Room();
      if (parts_.size() != before) message = Continue(part, attempt);
      v1::DaemonRequest& added = *message->add_daemon_requests();
      Fill(added, request);
      bytes_ += added.ByteSizeLong();
    }
  }
  std::vector<v1::Report> Take() { return std::move(parts_); }

 private:
  void Begin() {
    v1::Report& part = parts_.emplace_back();
    part.set_sequence(report_.sequence);
    part.set_free_disk_bytes(report_.free_disk_bytes);
    part.set_disk_low(report_.disk_low);
    part.set_part(static_cast<std::uint32_t>(parts_.size() - 1));
    bytes_ = 0;
  }
  v1::Report& Room() {
    if (bytes_ >= kFullPartBytes) {
      parts_.back().set_more(true);
      Begin();
    }
    return parts_.back();
  }
  static v1::ObservedAttempt* Continue(v1::Report& part, const ObservedAttempt& attempt) {
    v1::ObservedAttempt* message = part.add_attempts();
    message->set_job_id(attempt.id.job.str());
    message->set_attempt(attempt.id.number);
    message->set_phase(static_cast<v1::ObservedPhase>(attempt.phase));
    return message;
  }

  const Report& report_;
  std::vector<v1::Report> parts_;
  std::size_t bytes_ = 0;  // of the last part
};

}  // namespace

Desired FromProto(const v1::Desired& message) {
  Desired desired;
  desired.epoch = message.epoch();
  desired.version = message.version();
  for (const auto& attempt : message.attempts()) desired.attempts.push_back(FromProto(attempt));
  return desired;
}

std::vector<v1::Report> ToProto(const Report& report, const NodeId& node) {
  ReportParts parts(report);
  for (const ObservedAttempt& attempt : report.attempts) parts.Add(attempt, node);
  return parts.Take();
}

}  // namespace muster::agent
