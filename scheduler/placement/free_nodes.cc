#include "scheduler/placement/free_nodes.h"

#include <algorithm>

#include "base/check.h"
#include "base/planted_bug.h"
#include "scheduler/model/queries.h"

namespace muster::scheduler {

namespace {

std::uint32_t FreeSlots(const Pool& pool, const Node& node) {
  const std::uint32_t total = SlotsOf(pool, node);
  if (IsPlanted(PlantedBug::kPlanIgnoresHeld)) return total;
  if (pool.sharing == SharingMode::kExclusive) return node.held.empty() ? total : 0;
  const std::uint32_t held = HeldSlots(node);
  return held < total ? total - held : 0;
}

}  // namespace

bool FreeNodes::Refresh(const State& state, const NodeId& id, bool usable) {
  const Node* node = Find(state.nodes, id);
  const auto before = entries_.find(id);
  Entry entry;
  if (node != nullptr) {
    const Pool& pool = state.pools.at(node->pool);
    entry.pool = node->pool;
    if (usable && !node->cordoned && !node->draining && !node->lost) {
      entry.total = SlotsOf(pool, *node);
      entry.free = FreeSlots(pool, *node);
    }
  } else if (before == entries_.end()) {
    return false;
  } else {
    entry.pool = before->second.pool;
  }
  const Entry old = before == entries_.end() ? Entry{} : before->second;
  const bool matters = entry.free > old.free || entry.total != old.total;
  Put(id, entry);
  if (node == nullptr) entries_.erase(id);
  return matters;
}

void FreeNodes::Put(const NodeId& node, const Entry& entry) {
  const auto known = entries_.find(node);
  if (known != entries_.end()) {
    free_[known->second.pool].erase({known->second.free, node});
    total_[known->second.pool].erase({known->second.total, node});
  }
  if (entry.free > 0) free_[entry.pool].insert({entry.free, node});
  if (entry.total > 0) total_[entry.pool].insert({entry.total, node});
  entries_.insert_or_assign(node, entry);
}

bool FreeNodes::HasRoom(const PoolKey& pool) const {
  const BySlots* free = Find(free_, pool);
  return free != nullptr && !free->empty();
}

std::optional<std::vector<NodeId>> FreeNodes::Pick(const PoolKey& pool, std::uint32_t count,
                                                   std::uint32_t slots) const {
  const BySlots* free = Find(free_, pool);
  if (free == nullptr || free->size() < count) return std::nullopt;
  std::vector<NodeId> nodes;
  for (auto it = free->lower_bound({slots, NodeId()}); it != free->end(); ++it) {
    nodes.push_back(it->second);
    if (nodes.size() < count) continue;
    std::sort(nodes.begin(), nodes.end());
    return nodes;
  }
  return std::nullopt;
}

void FreeNodes::Take(const PoolKey& pool, const std::vector<NodeId>& nodes, std::uint32_t slots,
                     SharingMode sharing) {
  for (const NodeId& node : nodes) {
    const auto it = entries_.find(node);
    MUSTER_CHECK(it != entries_.end() && it->second.pool == pool && it->second.free >= slots,
                 "only free slots are taken");
    Entry entry = it->second;
    entry.free = sharing == SharingMode::kExclusive ? 0 : entry.free - slots;
    Put(node, entry);
  }
}

bool FreeNodes::CouldEverFit(const PoolKey& pool, std::uint32_t count, std::uint32_t slots) const {
  const BySlots* total = Find(total_, pool);
  if (total == nullptr || total->size() < count) return false;
  if (total->begin()->first >= slots) return true;
  std::uint32_t found = 0;
  for (auto it = total->lower_bound({slots, NodeId()}); it != total->end(); ++it) {
    if (++found == count) return true;
  }
  return false;
}

}  // namespace muster::scheduler
