#include <algorithm>
#include <utility>

#include "base/check.h"
#include "scheduler/lifecycle/transitions.h"
#include "scheduler/model/apply_parts.h"
#include "scheduler/model/queries.h"

namespace muster::scheduler {

namespace {

void LeaveQueue(State& state, const Job& job) {
  const bool was_waiting = MustFind(state, PoolOf(job)).waiting.erase(QueueKeyOf(job)) == 1;
  MUSTER_CHECK(was_waiting, "a queued job waits in its pool");
}

void EnterQueue(State& state, const Job& job) {
  const bool is_new = MustFind(state, PoolOf(job)).waiting.emplace(QueueKeyOf(job), job.id).second;
  MUSTER_CHECK(is_new, "two jobs have one place in the queue");
}

// From now on the answer to its submit may be forgotten like any other.
void ReleaseAnswer(State& state, Job& job) {
  if (job.request_key.empty()) return;
  RequestKey key{job.workspace, std::exchange(job.request_key, {})};
  const auto answer = state.answered.find(key);
  if (answer == state.answered.end()) return;
  state.answered_by_sequence.emplace(answer->second.sequence, std::move(key));
  TrimAnswers(state);
}

}  // namespace

void ApplyBody(const ApplyContext& context, const JobSubmitted& event) {
  State& state = context.state;
  const auto [it, is_new] = state.jobs.try_emplace(event.id);
  MUSTER_CHECK(is_new, "a job id is used once");
  Job& job = it->second;
  job.id = event.id;
  job.workspace = event.workspace;
  job.experiment = event.experiment;
  job.user = event.user;
  job.sequence = event.sequence;
  job.requirements = event.requirements;
  job.submitted = context.time;
  job.spec = event.resolved_spec;
  MUSTER_CHECK(event.sequence > state.last_job_sequence, "the submission order grows");
  state.last_job_sequence = event.sequence;
  EnterQueue(state, job);
  context.touched.jobs.insert(event.id);
}

void ApplyBody(const ApplyContext& context, const JobStatusChanged& event) {
  Job& job = MustFind(context.state, event.job);
  MUSTER_CHECK(IsLegal(job.status, event.status), "an illegal step of a job");
  if (job.status == JobStatus::kQueued) LeaveQueue(context.state, job);
  if (event.status == JobStatus::kNotResponding) job.status_before_silence = job.status;
  job.status = event.status;
  job.cause = event.cause;
  if (event.status == JobStatus::kQueued) EnterQueue(context.state, job);
  if (event.status == JobStatus::kRunning && !job.started) job.started = context.time;
  if (IsTerminal(event.status)) {
    job.ended = context.time;
    ReleaseAnswer(context.state, job);
  }
  context.touched.jobs.insert(event.job);
}

}  // namespace muster::scheduler
