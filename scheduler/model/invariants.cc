#include "scheduler/model/invariants.h"

#include <algorithm>
#include <map>
#include <set>

#include "scheduler/lifecycle/transitions.h"
#include "scheduler/model/queries.h"

namespace muster::scheduler {

namespace {

using Broken = std::vector<std::string>;

std::string Named(const PoolKey& key) {
  return "pool " + key.workspace.str() + "/" + key.name.str();
}

void CheckReferences(const State& state, Broken& broken) {
  for (const auto& [key, pool] : state.pools) {
    if (!state.workspaces.contains(key.workspace))
      broken.push_back(Named(key) + " has no workspace");
    if (pool.min_nodes > pool.max_nodes) broken.push_back(Named(key) + " has min above max nodes");
  }
  for (const auto& [id, node] : state.nodes) {
    if (!state.pools.contains(node.pool)) broken.push_back("node " + id.str() + " has no pool");
  }
  for (const auto& [id, token] : state.tokens) {
    if (!state.workspaces.contains(token.workspace)) {
      broken.push_back("token " + id.str() + " has no workspace");
    }
  }
  for (const auto& [key, datastore] : state.datastores) {
    if (!state.workspaces.contains(key.workspace)) {
      broken.push_back("datastore " + key.name.str() + " has no workspace");
    }
  }
}

void CheckQueues(const State& state, Broken& broken) {
  std::map<PoolKey, std::map<QueueKey, JobId>> waiting;
  std::map<PoolKey, std::set<NodeId>> nodes;
  for (const auto& [id, job] : state.jobs) {
    if (job.status == JobStatus::kQueued) waiting[PoolOf(job)].emplace(QueueKeyOf(job), id);
  }
  for (const auto& [id, node] : state.nodes) nodes[node.pool].insert(id);
  for (const auto& [key, pool] : state.pools) {
    if (pool.waiting != waiting[key]) broken.push_back(Named(key) + " has a wrong queue");
    if (pool.nodes != nodes[key]) broken.push_back(Named(key) + " has a wrong set of nodes");
  }
}

void CheckHeld(const State& state, Broken& broken) {
  std::map<NodeId, std::map<AttemptId, std::uint32_t>> held;
  for (const auto& [id, attempt] : state.attempts) {
    const Job* job = Find(state.jobs, id.job);
    if (job == nullptr) continue;
    for (const AttemptNode& member : attempt.nodes) {
      if (!Holds(member)) continue;
      held[member.node][id] = job->requirements.processes_per_node;
      if (!state.nodes.contains(member.node)) {
        broken.push_back("attempt " + ToString(id) + " holds an unknown node " + member.node.str());
      }
    }
  }
  for (const auto& [id, node] : state.nodes) {
    if (node.held != held[id]) broken.push_back("node " + id.str() + " is held otherwise");
    const Pool* pool = Find(state.pools, node.pool);
    if (pool == nullptr) continue;
    if (pool->sharing == SharingMode::kExclusive && node.held.size() > 1) {
      broken.push_back("exclusive node " + id.str() + " is held twice");
    }
    if (pool->sharing == SharingMode::kSlots && HeldSlots(node) > node.facts.slots) {
      broken.push_back("node " + id.str() + " has more slots held than it has");
    }
  }
}

bool HasLiveAttempt(JobStatus status) {
  return !IsTerminal(status) && status != JobStatus::kQueued;
}

void CheckJob(const State& state, const Job& job, Broken& broken) {
  std::size_t live = 0;
  bool holds = false;
  for (auto it = state.attempts.lower_bound(AttemptId{job.id, 0});
       it != state.attempts.end() && it->first.job == job.id; ++it) {
    if (it->second.phase != AttemptPhase::kEnded) ++live;
    holds = holds || HoldsAnyNode(it->second);
  }
  const std::string name = "job " + job.id.str();
  if (live != (HasLiveAttempt(job.status) ? 1U : 0U)) {
    broken.push_back(name + " is " + std::string(StatusName(job.status)) + " with " +
                     std::to_string(live) + " live attempts");
  }
  if (IsTerminal(job.status) && !holds) broken.push_back(name + " has ended and is not forgotten");
  if (IsTerminal(job.status) != job.ended.has_value()) broken.push_back(name + " has a wrong end");
  if (job.sequence > state.last_job_sequence) broken.push_back(name + " is from the future");
  if (!state.pools.contains(PoolOf(job))) broken.push_back(name + " has no pool");
  if (job.spec == nullptr) broken.push_back(name + " has no specification");
}

void CheckPhases(const Attempt& attempt, Broken& broken) {
  const auto has_reached = [](NodePhase least) {
    return [least](const AttemptNode& member) { return member.phase >= least; };
  };
  const bool all_ready =
      std::all_of(attempt.nodes.begin(), attempt.nodes.end(), has_reached(NodePhase::kReady));
  if (attempt.phase == AttemptPhase::kLaunching && !all_ready) {
    broken.push_back("attempt " + ToString(attempt.id) + " launches before all nodes are ready");
  }
  const bool any_lost =
      std::any_of(attempt.nodes.begin(), attempt.nodes.end(), has_reached(NodePhase::kLost));
  if (any_lost && attempt.phase < AttemptPhase::kStopping) {
    broken.push_back("attempt " + ToString(attempt.id) + " goes on without a lost node");
  }
  if (attempt.phase == AttemptPhase::kStopping && !attempt.cause) {
    broken.push_back("attempt " + ToString(attempt.id) + " stops without a cause");
  }
}

void CheckAttempt(const State& state, const Attempt& attempt, Broken& broken) {
  const std::string name = "attempt " + ToString(attempt.id);
  const Job* job = Find(state.jobs, attempt.id.job);
  if (job == nullptr) {
    broken.push_back(name + " has no job");
    return;
  }
  std::set<NodeId> distinct;
  for (const AttemptNode& member : attempt.nodes) distinct.insert(member.node);
  const std::size_t wanted = job->requirements.node_count;
  if (attempt.nodes.size() != wanted || distinct.size() != wanted) {
    broken.push_back(name + " is not a whole gang");
  }
  if (attempt.id.number > job->attempt_count) broken.push_back(name + " is not counted");
  if (attempt.phase == AttemptPhase::kEnded && !HoldsAnyNode(attempt)) {
    broken.push_back(name + " has ended and is not forgotten");
  }
  CheckPhases(attempt, broken);
  for (const auto& [number, rank] : attempt.ranks) {
    if (rank.ended && rank.exit_code.has_value() == rank.signal.has_value()) {
      broken.push_back(name + " rank " + std::to_string(number) + " ended in no or two ways");
    }
    const NodeId* node = Find(attempt.rank_nodes, number);
    if (node == nullptr || NodeIn(attempt, *node) == nullptr) {
      broken.push_back(name + " rank " + std::to_string(number) + " is on no node of the gang");
    }
  }
}

void CheckAnswers(const State& state, Broken& broken) {
  if (state.answered_by_sequence.size() > kRememberedRequests) {
    broken.emplace_back("more answers are remembered than the bound allows");
  }
  for (const auto& [sequence, key] : state.answered_by_sequence) {
    const AnsweredRequest* answer = Find(state.answered, key);
    if (answer == nullptr || answer->sequence != sequence) {
      broken.push_back("the order of answers names a wrong one: " + key.key);
    }
  }
  std::size_t kept = 0;
  for (const auto& [id, job] : state.jobs) {
    if (job.request_key.empty()) continue;
    ++kept;
    if (!state.answered.contains(RequestKey{job.workspace, job.request_key})) {
      broken.push_back("job " + id.str() + " has lost the answer to its submit");
    }
  }
  if (state.answered.size() != state.answered_by_sequence.size() + kept) {
    broken.emplace_back("an answer is kept for no reason");
  }
}

}  // namespace

std::vector<std::string> BrokenInvariants(const State& state) {
  Broken broken;
  CheckReferences(state, broken);
  CheckQueues(state, broken);
  CheckHeld(state, broken);
  for (const auto& [id, job] : state.jobs) CheckJob(state, job, broken);
  for (const auto& [id, attempt] : state.attempts) CheckAttempt(state, attempt, broken);
  CheckAnswers(state, broken);
  return broken;
}

}  // namespace muster::scheduler
