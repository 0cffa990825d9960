// When to plan, and where in which queue to begin. Plans are not made in the step that gave a
// reason to, but in the next OnTimer: many submits share one pass.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <set>

#include "base/random.h"
#include "scheduler/lifecycle/decision.h"
#include "scheduler/placement/free_nodes.h"
#include "scheduler/placement/plan.h"
#include "server/core/ports.h"

namespace muster::server {

class Planning {
 public:
  // Nodes of the pool have more room, or other nodes take work, or a job that held up others has
  // left.
  void MarkPool(const scheduler::PoolKey& pool);
  // A job has come to wait there. Nothing to do where one before it holds it up.
  void MarkJob(const scheduler::PoolKey& pool, scheduler::QueueKey key);

  bool IsPending() const { return !pending_.empty(); }

  // Starts what fits. Examines at most `budget` jobs; stays pending if there are more.
  void Run(scheduler::Decision& decision, scheduler::FreeNodes& free, Ports& ports,
           std::size_t budget);

 private:
  struct Mark {
    std::optional<scheduler::QueueKey> from;
    std::optional<scheduler::QueueKey> blocked_at;
  };
  std::map<scheduler::PoolKey, Mark> marks_;
  std::set<scheduler::PoolKey> pending_;
  scheduler::PoolKey last_served_;
};

}  // namespace muster::server
