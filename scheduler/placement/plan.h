// Which waiting jobs get which nodes. Strictly by priority, then by submission: a job that only
// waits for busy nodes holds up those behind it, so that a large gang gets its turn. One that could
// not run if every usable node were idle (nodes are missing, cordoned or away) holds up nobody. All
// nodes or none.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "scheduler/model/state.h"
#include "scheduler/placement/free_nodes.h"

namespace muster::scheduler {

struct Placement {
  JobId job;
  std::vector<NodeId> nodes;  // node-rank order
};

struct Plan {
  std::vector<Placement> placements;
  // Where the next pass goes on, as the budget is spent; nothing: there is no more to do until room
  // or jobs come.
  std::optional<QueueKey> next;
  // The job that holds up those behind it.
  std::optional<QueueKey> blocked_at;
  std::size_t examined = 0;
};

// Examines at most `budget` jobs of the pool's queue, from the place `from` on. Takes what it plans
// from `free`. Nothing is examined where no node has room.
Plan MakePlan(const State& state, const PoolKey& key, FreeNodes& free, QueueKey from,
              std::size_t budget);

}  // namespace muster::scheduler
