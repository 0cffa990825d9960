#include "server/rpc/job_conversion.h"

namespace muster::server {
namespace {

namespace v1 = muster::v1;

// The model's numbers are the API's.
static_assert(static_cast<int>(scheduler::JobStatus::kNotStarted) == v1::JOB_STATUS_NOT_STARTED);
static_assert(static_cast<int>(scheduler::JobStatus::kQueued) == v1::JOB_STATUS_QUEUED);
static_assert(static_cast<int>(scheduler::JobStatus::kNotResponding) ==
              v1::JOB_STATUS_NOT_RESPONDING);
static_assert(static_cast<int>(scheduler::CauseCode::kScriptExited) ==
              v1::CAUSE_CODE_SCRIPT_EXITED);
static_assert(static_cast<int>(scheduler::CauseCode::kScriptFailed) ==
              v1::CAUSE_CODE_SCRIPT_FAILED);
static_assert(static_cast<int>(scheduler::PendingReason::kBehindOthers) ==
              v1::PENDING_REASON_BEHIND_OTHERS);
static_assert(static_cast<int>(scheduler::PendingReason::kWaitingForLease) ==
              v1::PENDING_REASON_WAITING_FOR_LEASE);

std::int64_t MicrosOrZero(const std::optional<TimePoint>& time) {
  return time ? ToMicros(*time) : 0;
}

std::string PhaseName(scheduler::AttemptPhase phase) {
  switch (phase) {
    case scheduler::AttemptPhase::kPreparing:
    case scheduler::AttemptPhase::kLaunching:
      return "Preparing";
    case scheduler::AttemptPhase::kRunning:
      return "Running";
    case scheduler::AttemptPhase::kStopping:
      return "Stopping";
    case scheduler::AttemptPhase::kEnded:
      return "Ended";
  }
  return {};
}

void RankToProto(const scheduler::RankState& rank, v1::RankResult& out) {
  out.set_rank(rank.rank);
  out.set_started_us(ToMicros(rank.started));
  out.set_ended_us(MicrosOrZero(rank.ended));
  if (rank.exit_code) out.set_exit_code(*rank.exit_code);
  if (rank.signal) out.set_signal(*rank.signal);
}

Status ParseSpec(const std::string& bytes, const scheduler::Job& job, v1::JobSpec& out) {
  if (out.ParseFromString(bytes)) return {};
  return Fail(ErrorCode::kDataLoss, ErrorReason::kCorruptState,
              "the stored specification of job " + job.id.str() + " cannot be read");
}

}  // namespace

v1::JobStatus ToProto(scheduler::JobStatus status) { return static_cast<v1::JobStatus>(status); }

std::optional<scheduler::JobStatus> StatusFromProto(int status) {
  if (status == v1::JOB_STATUS_UNSPECIFIED || !v1::JobStatus_IsValid(status)) return std::nullopt;
  return static_cast<scheduler::JobStatus>(status);
}

void ToProto(const scheduler::Cause& cause, v1::Cause& out) {
  out.set_code(static_cast<v1::CauseCode>(cause.code));
  out.set_message(cause.message);
  out.set_node_id(cause.node.str());
  if (cause.rank) out.set_rank(*cause.rank);
  if (cause.exit_code) out.set_exit_code(*cause.exit_code);
  if (cause.signal) out.set_signal(*cause.signal);
}

scheduler::Cause FromProto(const v1::Cause& cause) {
  scheduler::Cause out;
  if (v1::CauseCode_IsValid(cause.code())) {
    out.code = static_cast<scheduler::CauseCode>(cause.code());
  }
  out.message = cause.message();
  out.node = NodeId(cause.node_id());
  if (cause.has_rank()) out.rank = cause.rank();
  if (cause.has_exit_code()) out.exit_code = cause.exit_code();
  if (cause.has_signal()) out.signal = cause.signal();
  return out;
}

void ToProto(const scheduler::Pending& pending, v1::Pending& out) {
  out.set_reason(static_cast<v1::PendingReason>(pending.reason));
  out.set_message(pending.message);
  out.set_position(pending.position);
}

void ToProto(const scheduler::Attempt& attempt, v1::AttemptInfo& out) {
  out.set_number(attempt.id.number);
  out.set_phase(PhaseName(attempt.phase));
  for (const scheduler::AttemptNode& node : attempt.nodes) out.add_node_ids(node.node.str());
  for (const auto& [number, rank] : attempt.ranks) {
    v1::RankResult& result = *out.add_ranks();
    RankToProto(rank, result);
    const auto node = attempt.rank_nodes.find(number);
    if (node != attempt.rank_nodes.end()) result.set_node_id(node->second.str());
  }
  if (attempt.cause) ToProto(*attempt.cause, *out.mutable_cause());
  out.set_created_us(ToMicros(attempt.created));
  out.set_running_us(MicrosOrZero(attempt.running));
  out.set_ended_us(MicrosOrZero(attempt.ended));
  out.set_last_log_lines(attempt.log_tail);
}

void ToProto(const scheduler::Job& job, v1::Job& out) {
  out.set_workspace(job.workspace.str());
  out.set_id(job.id.str());
  out.set_experiment(job.experiment);
  out.set_user(job.user.str());
  out.set_status(ToProto(job.status));
  out.set_sequence(job.sequence);
  out.set_node_count(job.requirements.node_count);
  out.set_process_count_per_node(job.requirements.processes_per_node);
  out.set_pool(job.requirements.pool.str());
  out.set_priority(job.requirements.priority);
  out.set_submitted_us(ToMicros(job.submitted));
  out.set_started_us(MicrosOrZero(job.started));
  out.set_ended_us(MicrosOrZero(job.ended));
  if (job.cause) ToProto(*job.cause, *out.mutable_cause());
}

Status ToProto(const storage::JobRecord& record, v1::Job& out) {
  ToProto(record.job, out);
  for (const scheduler::Attempt& attempt : record.attempts) ToProto(attempt, *out.add_attempts());
  MUSTER_TRY(ParseSpec(record.given_spec, record.job, *out.mutable_spec()));
  MUSTER_TRY(ParseSpec(record.resolved_spec, record.job, *out.mutable_resolved_spec()));
  *out.mutable_tags() = out.spec().tags();
  return {};
}

void ToProto(const storage::JobChange& change, v1::JobEvent& out) {
  out.set_sequence(change.sequence);
  out.set_job_id(change.job.str());
  out.set_status(ToProto(change.status));
  out.set_attempt(change.attempt);
  if (change.cause) ToProto(*change.cause, *out.mutable_cause());
  out.set_time_us(ToMicros(change.time));
}

}  // namespace muster::server
