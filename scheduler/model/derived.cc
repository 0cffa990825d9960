#include "scheduler/model/derived.h"

#include <algorithm>
#include <vector>

#include "base/check.h"
#include "scheduler/model/apply_parts.h"
#include "scheduler/model/queries.h"

namespace muster::scheduler {

namespace {

void RebuildQueues(State& state) {
  for (auto& [key, pool] : state.pools) {
    pool.waiting.clear();
    pool.nodes.clear();
  }
  for (auto& [id, node] : state.nodes) {
    node.held.clear();
    MustFind(state, node.pool).nodes.insert(id);
  }
  for (auto& [id, job] : state.jobs) {
    job.request_key.clear();
    if (job.status != JobStatus::kQueued) continue;
    MustFind(state, PoolOf(job)).waiting.emplace(QueueKeyOf(job), id);
  }
}

void RebuildHeld(State& state) {
  for (const auto& [id, attempt] : state.attempts) {
    const Job& job = MustFind(state, id.job);
    for (const AttemptNode& member : attempt.nodes) {
      if (!Holds(member)) continue;
      MustFind(state, member.node).held[id] = job.requirements.processes_per_node;
    }
  }
}

// The oldest answer that names a live job is that of its submit.
void RebuildAnswers(State& state) {
  using Answered = decltype(state.answered)::value_type;
  std::vector<const Answered*> oldest_first;
  oldest_first.reserve(state.answered.size());
  for (const Answered& answered : state.answered) oldest_first.push_back(&answered);
  std::sort(oldest_first.begin(), oldest_first.end(), [](const Answered* a, const Answered* b) {
    return a->second.sequence < b->second.sequence;
  });
  auto& forgettable = state.answered_by_sequence;
  forgettable.clear();
  for (const Answered* answered : oldest_first) {
    const auto& [key, answer] = *answered;
    const auto job = state.jobs.find(JobId(answer.entity));
    const bool is_submit = job != state.jobs.end() && !IsTerminal(job->second.status) &&
                           job->second.request_key.empty() &&
                           job->second.workspace == key.workspace;
    if (is_submit) {
      job->second.request_key = key.key;
    } else {
      forgettable.emplace_hint(forgettable.end(), answer.sequence, key);
    }
  }
  TrimAnswers(state);
}

}  // namespace

void TrimAnswers(State& state) {
  while (state.answered_by_sequence.size() > kRememberedRequests) {
    const auto oldest = state.answered_by_sequence.begin();
    state.answered.erase(oldest->second);
    state.answered_by_sequence.erase(oldest);
  }
}

void RebuildDerived(State& state) {
  RebuildQueues(state);
  RebuildHeld(state);
  RebuildAnswers(state);
}

}  // namespace muster::scheduler
