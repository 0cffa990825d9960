// Reads every durable event, in order, with a memory of its own: what the events claim must be
// legal, must follow from one another, and must be what really happened.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "scheduler/model/event.h"
#include "tests/sim/stats.h"
#include "tests/sim/truth.h"
#include "tests/sim/workload.h"

namespace muster::sim {

class Audit {
 public:
  Audit(const Workload& workload, const Truth& truth, Stats& stats)
      : workload_(workload), truth_(truth), stats_(stats) {}

  void See(const scheduler::Event& event);

  // Of durable things only.
  bool HasJob(const JobId& id) const { return jobs_.contains(id); }
  bool HasAttempt(const AttemptId& id) const { return attempts_.contains(id); }
  // The one job of an idempotency key; empty: none yet.
  JobId JobOf(const std::string& key) const;
  scheduler::JobStatus StatusOf(const JobId& id) const { return jobs_.at(id).status; }

  struct JobFacts {
    std::string key;
    scheduler::JobStatus status = scheduler::JobStatus::kQueued;
    std::uint32_t attempts = 0;
    bool cancel_requested = false;
  };
  const std::map<JobId, JobFacts>& jobs() const { return jobs_; }

 private:
  struct AttemptFacts {
    scheduler::AttemptPhase phase = scheduler::AttemptPhase::kPreparing;
    std::set<NodeId> nodes;
  };

  // One of these a kind of event that is looked at.
  void Look(const scheduler::NodeJoined& event);
  void Look(const scheduler::JobSubmitted& event);
  void Look(const scheduler::JobStatusChanged& event);
  void Look(const scheduler::AttemptCreated& event);
  void Look(const scheduler::AttemptPhaseChanged& event);
  void Look(const scheduler::AttemptNodePhaseChanged& event);
  void Look(const scheduler::RankEnded& event);
  void TakeSlots(const scheduler::AttemptCreated& event);

  const Workload& workload_;
  const Truth& truth_;
  Stats& stats_;
  std::uint64_t last_sequence_ = 0;
  std::map<JobId, JobFacts> jobs_;
  std::map<std::string, JobId> by_key_;
  std::map<AttemptId, AttemptFacts> attempts_;
  std::map<NodeId, PoolName> node_pools_;
  std::map<NodeId, std::map<AttemptId, std::uint32_t>> held_;
};

}  // namespace muster::sim
