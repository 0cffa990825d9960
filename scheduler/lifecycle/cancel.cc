#include "scheduler/lifecycle/cancel.h"

#include "base/planted_bug.h"
#include "scheduler/lifecycle/attempts.h"
#include "scheduler/lifecycle/outcome.h"
#include "scheduler/model/queries.h"

namespace muster::scheduler {

namespace {

Result<Answer> AnswerAgain(const State& state, const JobId& id, Result<Answer> repeated) {
  if (!repeated) return repeated;
  // A job that is no longer in the state has ended, and it was to be canceled.
  const Job* job = Find(state.jobs, id);
  repeated->job_status = job == nullptr ? JobStatus::kCanceled : job->status;
  return repeated;
}

}  // namespace

void RequestCancel(Decision& decision, const Job& job, const Cause& cause) {
  if (job.status == JobStatus::kQueued) {
    decision.Emit(JobStatusChanged{job.id, JobStatus::kCanceled, cause});
    return;
  }
  if (job.status == JobStatus::kCancelRequested) return;
  decision.Emit(JobStatusChanged{job.id, JobStatus::kCancelRequested, cause});
  StopAttempt(decision, CurrentAttemptOf(job), StopMode::kTerminate, cause);
}

Status MayCancel(const Principal& principal, const Job& job) {
  if (principal.role == Role::kAdmin || principal.user == job.user) return {};
  return Fail(ErrorCode::kPermissionDenied, ErrorReason::kWrongRole,
              "Job \"" + job.id.str() + "\" belongs to " + job.user.str() +
                  "; only they and an admin may cancel it.");
}

Result<Answer> Decide(Decision& decision, const CancelJob& command,
                      const Surroundings& surroundings) {
  const State& state = decision.state();
  if (auto repeated = Repeated(state, command.workspace, command.idempotency)) {
    return AnswerAgain(state, command.job, *std::move(repeated));
  }
  const Job* job = Find(state.jobs, command.job);
  if (job == nullptr || job->workspace != command.workspace) {
    return Fail(ErrorCode::kNotFound, ErrorReason::kUnknownJob,
                "There is no live job \"" + command.job.str() + "\" in workspace \"" +
                    command.workspace.str() + "\".");
  }
  MUSTER_TRY(MayCancel(surroundings.principal, *job));
  if (IsTerminal(job->status)) return Answer{job->id.str(), job->status, false};
  Remember(decision, command.workspace, command.idempotency, job->id.str());
  if (!IsPlanted(PlantedBug::kForgetCancel)) {
    RequestCancel(
        decision, *job,
        CauseOf(CauseCode::kCanceledByUser, "Canceled by " + decision.actor().str() + "."));
  }
  return Answer{job->id.str(), job->status, false};
}

}  // namespace muster::scheduler
