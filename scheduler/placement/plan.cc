#include "scheduler/placement/plan.h"

#include <utility>

#include "scheduler/model/queries.h"

namespace muster::scheduler {

Plan MakePlan(const State& state, const PoolKey& key, FreeNodes& free, QueueKey from,
              std::size_t budget) {
  Plan plan;
  const Pool* pool = Find(state.pools, key);
  if (pool == nullptr) return plan;
  for (auto it = pool->waiting.lower_bound(from); it != pool->waiting.end(); ++it) {
    if (!free.HasRoom(key)) return plan;
    if (plan.examined == budget) {
      plan.next = it->first;
      return plan;
    }
    ++plan.examined;
    const JobRequirements& needs = state.jobs.at(it->second).requirements;
    auto nodes = free.Pick(key, needs.node_count, needs.processes_per_node);
    if (nodes) {
      free.Take(key, *nodes, needs.processes_per_node, pool->sharing);
      plan.placements.push_back(Placement{it->second, *std::move(nodes)});
    } else if (free.CouldEverFit(key, needs.node_count, needs.processes_per_node)) {
      plan.blocked_at = it->first;
      return plan;
    }
  }
  return plan;
}

}  // namespace muster::scheduler
