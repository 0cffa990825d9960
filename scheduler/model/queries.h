// Questions to the state that several parts ask. Pure.
#pragma once

#include <cstdint>

#include "base/check.h"
#include "scheduler/model/state.h"

namespace muster::scheduler {

inline PoolKey PoolOf(const Job& job) { return PoolKey{job.workspace, job.requirements.pool}; }

inline QueueKey QueueKeyOf(const Job& job) {
  return QueueKey{-job.requirements.priority, job.sequence};
}

// nullptr if there is none.
template <class Map, class Key>
const typename Map::mapped_type* Find(const Map& map, const Key& key) {
  const auto it = map.find(key);
  return it == map.end() ? nullptr : &it->second;
}

inline AttemptId CurrentAttemptOf(const Job& job) { return AttemptId{job.id, job.attempt_count}; }

// Place of a node in the attempt's gang; nullptr if it is not in it.
inline const AttemptNode* NodeIn(const Attempt& attempt, const NodeId& node) {
  for (const AttemptNode& member : attempt.nodes) {
    if (member.node == node) return &member;
  }
  return nullptr;
}

// Whether the attempt holds slots of the node.
inline bool Holds(const AttemptNode& member) { return member.phase != NodePhase::kFinished; }

inline bool HoldsAnyNode(const Attempt& attempt) {
  for (const AttemptNode& member : attempt.nodes) {
    if (Holds(member)) return true;
  }
  return false;
}

// Slots the node offers to jobs: what it has, cut to what its pool says (0: as many as it has).
inline std::uint32_t SlotsOf(const Pool& pool, const Node& node) {
  if (pool.slots_per_node == 0 || pool.slots_per_node > node.facts.slots) return node.facts.slots;
  return pool.slots_per_node;
}

inline std::uint32_t HeldSlots(const Node& node) {
  std::uint32_t sum = 0;
  for (const auto& [attempt, slots] : node.held) sum += slots;
  return sum;
}

}  // namespace muster::scheduler
