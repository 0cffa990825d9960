#include "scheduler/lifecycle/attempts.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "scheduler/lifecycle/outcome.h"
#include "scheduler/model/queries.h"

namespace muster::scheduler {

namespace {

const Attempt& Get(const Decision& decision, const AttemptId& id) {
  const Attempt* attempt = Find(decision.state().attempts, id);
  MUSTER_CHECK(attempt != nullptr, "the attempt is in the state");
  return *attempt;
}

const Job& Get(const Decision& decision, const JobId& id) {
  const Job* job = Find(decision.state().jobs, id);
  MUSTER_CHECK(job != nullptr, "the job is in the state");
  return *job;
}

bool AllAre(const Attempt& attempt, NodePhase least) {
  return std::all_of(attempt.nodes.begin(), attempt.nodes.end(),
                     [least](const AttemptNode& member) { return member.phase >= least; });
}

void SetStatus(Decision& decision, const JobId& job, JobStatus status,
               std::optional<Cause> cause = std::nullopt) {
  decision.Emit(JobStatusChanged{job, status, std::move(cause)});
}

// All processes are gone and no failure was reported.
void FinishRun(Decision& decision, const AttemptId& id) {
  const Attempt& attempt = Get(decision, id);
  const Job& job = Get(decision, id.job);
  if (auto cause = UncleanEnd(job.requirements, attempt)) {
    StopAttempt(decision, id, StopMode::kKill, *std::move(cause));
    return;
  }
  if (job.status == JobStatus::kRunning) SetStatus(decision, job.id, JobStatus::kFinalizing);
  if (AllAre(attempt, NodePhase::kFinished)) EndAttempt(decision, id);
}

void Complete(Decision& decision, const Job& job) {
  const bool passed_finalizing = job.status == JobStatus::kFinalizing;
  if (!passed_finalizing) SetStatus(decision, job.id, JobStatus::kFinalizing);
  SetStatus(decision, job.id, JobStatus::kCompleted);
}

}  // namespace

void StartAttempt(Decision& decision, const JobId& job, std::vector<NodeId> nodes,
                  std::uint32_t master_port) {
  const AttemptId id{job, Get(decision, job).attempt_count + 1};
  decision.Emit(AttemptCreated{id, std::move(nodes), master_port});
  SetStatus(decision, job, JobStatus::kPreparing);
}

void StopAttempt(Decision& decision, const AttemptId& id, StopMode mode, Cause cause) {
  const Attempt& attempt = Get(decision, id);
  if (attempt.phase == AttemptPhase::kStopping && Explains(cause, attempt)) {
    decision.Emit(AttemptCauseChanged{id, std::move(cause)});
    return;
  }
  if (attempt.phase >= AttemptPhase::kStopping) return;
  decision.Emit(AttemptPhaseChanged{id, AttemptPhase::kStopping, mode, std::move(cause)});
  AdvanceAttempt(decision, id);
}

void LoseOnNode(Decision& decision, const AttemptId& id, const NodeId& node, const Cause& cause) {
  const AttemptNode* member = NodeIn(Get(decision, id), node);
  MUSTER_CHECK(member != nullptr, "the node is in the attempt");
  if (member->phase >= NodePhase::kFinished) return;
  decision.Emit(AttemptNodePhaseChanged{id, node, NodePhase::kLost});
  StopAttempt(decision, id, StopMode::kKill, cause);
  AdvanceAttempt(decision, id);
}

void AdvanceAttempt(Decision& decision, const AttemptId& id) {
  const Attempt& attempt = Get(decision, id);
  switch (attempt.phase) {
    case AttemptPhase::kPreparing:
      // A gang of one has nobody to wait for: it runs as soon as it can.
      if (attempt.nodes.size() > 1 && AllAre(attempt, NodePhase::kReady)) {
        decision.Emit(AttemptPhaseChanged{id, AttemptPhase::kLaunching, StopMode::kTerminate, {}});
      }
      break;
    case AttemptPhase::kLaunching:
      break;
    case AttemptPhase::kRunning:
      if (AllAre(attempt, NodePhase::kExited)) FinishRun(decision, id);
      break;
    case AttemptPhase::kStopping:
      if (AllAre(attempt, NodePhase::kFinished)) EndAttempt(decision, id);
      break;
    case AttemptPhase::kEnded:
      break;
  }
}

void EndAttempt(Decision& decision, const AttemptId& id) {
  decision.Emit(
      AttemptPhaseChanged{id, AttemptPhase::kEnded, StopMode::kTerminate, Get(decision, id).cause});
  const Job& job = Get(decision, id.job);
  const std::optional<Cause>& cause = Get(decision, id).cause;
  if (job.status == JobStatus::kCancelRequested) {
    SetStatus(decision, job.id, JobStatus::kCanceled, job.cause.AsOptional());
  } else if (!cause) {
    Complete(decision, job);
  } else if (MayRetry(job, *cause)) {
    SetStatus(decision, job.id, JobStatus::kQueued, cause);
  } else {
    SetStatus(decision, job.id, JobStatus::kFailed, cause);
  }
}

JobStatus LiveStatus(const Job& job, const Attempt& attempt) {
  switch (attempt.phase) {
    case AttemptPhase::kPreparing:
    case AttemptPhase::kLaunching:
      return JobStatus::kPreparing;
    case AttemptPhase::kRunning:
      return AllAre(attempt, NodePhase::kExited) ? JobStatus::kFinalizing : JobStatus::kRunning;
    case AttemptPhase::kStopping:
    case AttemptPhase::kEnded:
      break;
  }
  return job.status == JobStatus::kNotResponding ? job.status_before_silence : job.status;
}

}  // namespace muster::scheduler
