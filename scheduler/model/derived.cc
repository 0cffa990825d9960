#include "scheduler/model/derived.h"

#include <utility>
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
  state.answered_by_sequence.clear();
  for (const auto& [key, answer] : state.answered) {
    state.answered_by_sequence.emplace(answer.sequence, key);
  }
  std::vector<std::uint64_t> kept;
  for (const auto& [sequence, key] : state.answered_by_sequence) {
    const auto job = state.jobs.find(JobId(state.answered.at(key).entity));
    if (job == state.jobs.end() || IsTerminal(job->second.status)) continue;
    if (!job->second.request_key.empty() || job->second.workspace != key.workspace) continue;
    job->second.request_key = key.key;
    kept.push_back(sequence);
  }
  for (const std::uint64_t sequence : kept) state.answered_by_sequence.erase(sequence);
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
