#include "scheduler/lifecycle/deadlines.h"

#include <algorithm>

#include "base/check.h"
#include "scheduler/lifecycle/attempts.h"
#include "scheduler/lifecycle/cancel.h"
#include "scheduler/lifecycle/outcome.h"
#include "scheduler/model/queries.h"

namespace muster::scheduler {

std::optional<Deadline> DeadlineOf(const State& state, const AttemptId& id) {
  const Attempt* attempt = Find(state.attempts, id);
  if (attempt == nullptr) return std::nullopt;
  const Job& job = state.jobs.at(id.job);
  switch (attempt->phase) {
    case AttemptPhase::kPreparing:
    case AttemptPhase::kLaunching:
      return Deadline::kPreparing;
    case AttemptPhase::kRunning:
      if (job.requirements.max_run_duration == Duration::zero()) return std::nullopt;
      return Deadline::kRunning;
    case AttemptPhase::kStopping: {
      const bool is_on_request =
          attempt->stop == StopMode::kTerminate || job.status == JobStatus::kCancelRequested;
      if (!is_on_request) return std::nullopt;
      return Deadline::kStopping;
    }
    case AttemptPhase::kEnded:
      return std::nullopt;
  }
  return std::nullopt;
}

Duration TimeUntil(const State& state, const AttemptId& id, Deadline deadline,
                   const DeadlineConfig& config, TimePoint now) {
  const Attempt& attempt = state.attempts.at(id);
  const JobRequirements& needs = state.jobs.at(id.job).requirements;
  switch (deadline) {
    case Deadline::kPreparing:
      return config.prepare_timeout;
    case Deadline::kRunning: {
      const Duration passed = now - attempt.running.value_or(now);
      return std::clamp(needs.max_run_duration - passed, Duration::zero(), needs.max_run_duration);
    }
    case Deadline::kStopping:
      return needs.grace_period + kStopReportTime;
  }
  MUSTER_CHECK(false, "unknown deadline");
}

void Expire(Decision& decision, const AttemptId& id, Deadline deadline,
            const DeadlineConfig& config) {
  const Job& job = decision.state().jobs.at(id.job);
  switch (deadline) {
    case Deadline::kPreparing:
      StopAttempt(
          decision, id, StopMode::kKill,
          CauseOf(CauseCode::kStagingFailed, "The attempt did not start within " +
                                                 FormatDuration(config.prepare_timeout) + "."));
      break;
    case Deadline::kRunning: {
      const Cause cause = CauseOf(CauseCode::kMaxRunDuration,
                                  "The job ran for longer than its limit of " +
                                      FormatDuration(job.requirements.max_run_duration) + ".");
      RequestCancel(decision, job, cause);
      break;
    }
    case Deadline::kStopping:
      EndAttempt(decision, id);
      break;
  }
}

}  // namespace muster::scheduler
