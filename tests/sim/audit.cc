#include "tests/sim/audit.h"

#include <algorithm>
#include <type_traits>

#include "scheduler/lifecycle/transitions.h"
#include "tests/sim/violation.h"

namespace muster::sim {

using scheduler::AttemptPhase;
using scheduler::JobStatus;
using scheduler::NodePhase;

JobId Audit::JobOf(const std::string& key) const {
  const auto it = by_key_.find(key);
  return it == by_key_.end() ? JobId() : it->second;
}

void Audit::See(const scheduler::Event& event) {
  Promise(event.sequence == last_sequence_ + 1, "the durable events have a gap");
  last_sequence_ = event.sequence;
  stats_.durable_events += 1;
  std::visit(
      [this](const auto& body) {
        if constexpr (requires { this->Look(body); }) this->Look(body);
      },
      event.body);
}

void Audit::Look(const scheduler::NodeJoined& event) { node_pools_[event.id] = event.pool; }

void Audit::Look(const scheduler::JobSubmitted& event) {
  Promise(by_key_.emplace(event.given_spec, event.id).second,
          [&] { return "two jobs were made of one submit: " + event.given_spec; });
  Promise(jobs_.emplace(event.id, JobFacts{event.given_spec}).second,
          [&] { return "a job id was used twice: " + event.id.str(); });
  Promise(!workload_.Plan(event.given_spec).infeasible,
          [&] { return "a job that can never run was accepted: " + event.id.str(); });
  stats_.jobs += 1;
  if (event.requirements.node_count > 1) stats_.gangs += 1;
}

void Audit::Look(const scheduler::JobStatusChanged& event) {
  JobFacts& job = jobs_.at(event.job);
  Promise(IsLegal(job.status, event.status), [&] {
    return "job " + event.job.str() + " went from " + std::string(StatusName(job.status)) + " to " +
           std::string(StatusName(event.status));
  });
  stats_.job_transitions[{job.status, event.status}] += 1;
  job.status = event.status;
  if (event.status == JobStatus::kCancelRequested) job.cancel_requested = true;
  Promise(!job.cancel_requested || event.status == JobStatus::kCancelRequested ||
              event.status == JobStatus::kCanceled,
          [&] { return "job " + event.job.str() + " went on after its cancel"; });
  if (event.status == JobStatus::kCompleted) {
    const auto& wants = workload_.Plan(job.key).requirements;
    Promise(truth_.AllSucceeded(AttemptId{event.job, job.attempts},
                                wants.node_count * wants.processes_per_node),
            [&] { return "job " + event.job.str() + " is Completed, but its ranks are not"; });
    Promise(workload_.Plan(job.key).fate != Fate::kSaysFailed, [&] {
      return "job " + event.job.str() + " is Completed, but its script says otherwise";
    });
  }
}

void Audit::Look(const scheduler::AttemptCreated& event) {
  JobFacts& job = jobs_.at(event.id.job);
  Promise(event.id.number == job.attempts + 1, "attempts are not numbered in turn");
  if (job.attempts > 0) {
    stats_.retries += 1;
    Promise(attempts_.at(AttemptId{event.id.job, job.attempts}).phase == AttemptPhase::kEnded, [&] {
      return "attempt " + ToString(event.id) + " was made before its forerunner ended";
    });
  }
  job.attempts = event.id.number;
  AttemptFacts facts;
  facts.nodes.insert(event.nodes.begin(), event.nodes.end());
  Promise(facts.nodes.size() == workload_.Plan(job.key).requirements.node_count,
          [&] { return "attempt " + ToString(event.id) + " has not its number of nodes"; });
  attempts_.emplace(event.id, std::move(facts));
  TakeSlots(event);
}

void Audit::TakeSlots(const scheduler::AttemptCreated& event) {
  const auto& wants = workload_.Plan(jobs_.at(event.id.job).key).requirements;
  for (const NodeId& node : event.nodes) {
    const PoolName& pool_name = node_pools_.at(node);
    Promise(pool_name == wants.pool, "an attempt got a node of another pool");
    const auto pool =
        std::find_if(workload_.pools.begin(), workload_.pools.end(),
                     [&](const PoolPlan& plan) { return plan.definition.name == pool_name; });
    auto& held = held_[node];
    std::uint32_t sum = wants.processes_per_node;
    for (const auto& [attempt, slots] : held) sum += slots;
    const bool whole = pool->definition.sharing == scheduler::SharingMode::kExclusive;
    Promise(sum <= pool->definition.slots_per_node && !(whole && !held.empty()), [&] {
      return "attempt " + ToString(event.id) + " got node " + node.str() + " while " +
             ToString(held.begin()->first) + " holds it";
    });
    held[event.id] = wants.processes_per_node;
  }
}

void Audit::Look(const scheduler::AttemptPhaseChanged& event) {
  AttemptFacts& attempt = attempts_.at(event.id);
  Promise(IsLegal(attempt.phase, event.phase),
          [&] { return "attempt " + ToString(event.id) + " took an illegal step"; });
  stats_.attempt_transitions[{attempt.phase, event.phase}] += 1;
  attempt.phase = event.phase;
}

void Audit::Look(const scheduler::AttemptNodePhaseChanged& event) {
  const AttemptFacts& attempt = attempts_.at(event.id);
  Promise(attempt.nodes.contains(event.node), "a node reported for a gang it is not in");
  if (event.phase != NodePhase::kFinished) return;
  held_[event.node].erase(event.id);
  Promise(!truth_.Lives(event.id, event.node), [&] {
    return "node " + event.node.str() + " was let go while " + ToString(event.id) + " lives on it";
  });
}

void Audit::Look(const scheduler::RankEnded& event) {
  const std::optional<RealExit> real = truth_.ExitOf(event.id, event.state.rank);
  Promise(real && *real == RealExit{event.state.exit_code, event.state.signal}, [&] {
    return "the recorded end of rank " + std::to_string(event.state.rank) + " of " +
           ToString(event.id) + " is not the real one";
  });
}

}  // namespace muster::sim
