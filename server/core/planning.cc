#include "server/core/planning.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "scheduler/lifecycle/attempts.h"

namespace muster::server {

namespace {

constexpr scheduler::QueueKey kFront{std::numeric_limits<std::int32_t>::min(), 0};

}  // namespace

void Planning::MarkPool(const scheduler::PoolKey& pool) {
  marks_[pool] = Mark{kFront, std::nullopt};
  pending_.insert(pool);
}

void Planning::MarkJob(const scheduler::PoolKey& pool, scheduler::QueueKey key) {
  Mark& mark = marks_[pool];
  if (mark.blocked_at && key > *mark.blocked_at) return;
  mark.from = std::min(mark.from.value_or(key), key);
  pending_.insert(pool);
}

void Planning::Run(scheduler::Decision& decision, scheduler::FreeNodes& free, Ports& ports,
                   std::size_t budget) {
  const std::set<scheduler::PoolKey> waiting = pending_;
  // Pools take turns in going first, lest one with a long queue uses up every budget.
  auto pool = waiting.upper_bound(last_served_);
  for (std::size_t i = 0; i < waiting.size() && budget > 0; ++i, ++pool) {
    if (pool == waiting.end()) pool = waiting.begin();
    Mark& mark = marks_[*pool];
    scheduler::Plan plan =
        scheduler::MakePlan(decision.state(), *pool, free, mark.from.value_or(kFront), budget);
    budget -= plan.examined;
    mark.from = plan.next;
    mark.blocked_at = plan.blocked_at;
    if (!plan.next) pending_.erase(*pool);
    last_served_ = *pool;
    for (scheduler::Placement& placement : plan.placements) {
      scheduler::StartAttempt(decision, placement.job, std::move(placement.nodes), ports.Take());
    }
  }
}

}  // namespace muster::server
