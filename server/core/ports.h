// Ports for MASTER_PORT. Virtual nodes share a machine, so no two live attempts get the same one,
// wherever they run.
#pragma once

#include <cstdint>
#include <map>
#include <set>

#include "base/ids.h"
#include "base/random.h"

namespace muster::server {

class Ports {
 public:
  // Begins somewhere in the range, and goes round it: a port is used again as late as possible.
  Ports(std::uint32_t first, std::uint32_t count, Random& random)
      : first_(first), count_(count), next_(static_cast<std::uint32_t>(random.Below(count))) {}

  // One in use, if all are.
  std::uint32_t Take() {
    for (std::uint32_t tries = 0; tries < count_; ++tries) {
      const std::uint32_t port = first_ + next_;
      next_ = (next_ + 1) % count_;
      if (in_use_.insert(port).second) return port;
    }
    return first_ + next_;
  }
  // The attempt has it until it is released.
  void Use(const AttemptId& attempt, std::uint32_t port) {
    in_use_.insert(port);
    by_attempt_[attempt] = port;
  }
  void Release(const AttemptId& attempt) {
    const auto it = by_attempt_.find(attempt);
    if (it == by_attempt_.end()) return;
    in_use_.erase(it->second);
    by_attempt_.erase(it);
  }

 private:
  std::uint32_t first_;
  std::uint32_t count_;
  std::uint32_t next_;
  std::set<std::uint32_t> in_use_;
  std::map<AttemptId, std::uint32_t> by_attempt_;
};

}  // namespace muster::server
