// Where the core's effects go. Called on the core thread, in commit order, only for what is
// durable; must not block.
#pragma once

#include <cstdint>
#include <vector>

#include "base/ids.h"
#include "scheduler/model/effect.h"
#include "server/core/core.h"

namespace muster::server {

class Outside {
 public:
  virtual ~Outside() = default;

  // A batch is on disk and visible to every reader: these jobs changed their status, and
  // `last_sequence` is the number of its last event.
  virtual void OnDurable(const std::vector<JobId>& changed_jobs, std::uint64_t last_sequence) = 0;
  virtual void Perform(const scheduler::Effect& effect, const Core& core) = 0;
};

}  // namespace muster::server
