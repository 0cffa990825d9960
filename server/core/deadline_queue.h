// Keys with a time each, soonest first. Keys are few against what happens between two deadlines:
// nothing is moved when a node is merely heard.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "base/time.h"

namespace muster::server {

template <class Key>
class DeadlineQueue {
 public:
  // Replaces the key's time.
  void Set(const Key& key, SteadyPoint time) {
    Clear(key);
    times_.emplace(key, time);
    order_.emplace(time, key);
  }
  void Clear(const Key& key) {
    const auto it = times_.find(key);
    if (it == times_.end()) return;
    order_.erase({it->second, key});
    times_.erase(it);
  }
  std::optional<SteadyPoint> At(const Key& key) const {
    const auto it = times_.find(key);
    if (it == times_.end()) return std::nullopt;
    return it->second;
  }
  std::optional<SteadyPoint> Next() const {
    if (order_.empty()) return std::nullopt;
    return order_.begin()->first;
  }
  // Takes out what is due at `now`: soonest first, then by key.
  std::vector<Key> TakeDue(SteadyPoint now) {
    std::vector<Key> due;
    while (!order_.empty() && order_.begin()->first <= now) {
      due.push_back(order_.begin()->second);
      Clear(due.back());
    }
    return due;
  }

 private:
  std::map<Key, SteadyPoint> times_;
  std::set<std::pair<SteadyPoint, Key>> order_;
};

}  // namespace muster::server
