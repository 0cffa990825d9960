// Which nodes have room, by pool and by how much: what a planning pass looks at in place of all
// nodes. Derived from the state and from what is known of sessions and disks; whoever changes
// either refreshes the node. Every operation is logarithmic in the nodes but for those that say
// otherwise.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "scheduler/model/state.h"

namespace muster::scheduler {

class FreeNodes {
 public:
  // Takes the node as it is now; `usable`: its session is open, it responds, its disk has room.
  // True if a plan may come out otherwise: there is more room, or another set of nodes takes work.
  // Linear in what the node holds.
  bool Refresh(const State& state, const NodeId& id, bool usable);

  bool HasRoom(const PoolKey& pool) const;

  // The `count` nodes with the least room among those with `slots` free slots, by name; nothing
  // unless there are so many. Examines `count` nodes.
  std::optional<std::vector<NodeId>> Pick(const PoolKey& pool, std::uint32_t count,
                                          std::uint32_t slots) const;
  // Gives `slots` of each away ahead of the events that say so.
  void Take(const PoolKey& pool, const std::vector<NodeId>& nodes, std::uint32_t slots,
            SharingMode sharing);

  // Whether `count` nodes that take work would have `slots` each if nothing ran. Examines `count`
  // nodes.
  bool CouldEverFit(const PoolKey& pool, std::uint32_t count, std::uint32_t slots) const;

 private:
  using BySlots = std::set<std::pair<std::uint32_t, NodeId>>;
  struct Entry {
    PoolKey pool;
    std::uint32_t free = 0;   // 0: none
    std::uint32_t total = 0;  // 0: takes no work
  };

  void Put(const NodeId& node, const Entry& entry);

  std::map<NodeId, Entry> entries_;
  std::map<PoolKey, BySlots> free_;
  std::map<PoolKey, BySlots> total_;
};

}  // namespace muster::scheduler
