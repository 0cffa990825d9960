// Which attempts were found on which nodes a short while ago, so that each piece of log does not
// have to ask the core.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <utility>

#include "base/ids.h"
#include "base/time.h"
#include "scheduler/model/state.h"

namespace muster::server {

// Thread-safe.
class PlacementCache {
 public:
  // The workspace of the attempt's job, if it was on the node less than 30 s ago.
  std::optional<WorkspaceName> Find(const NodeId& node, const AttemptId& attempt,
                                    SteadyPoint now) const;
  void Remember(const NodeId& node, const AttemptId& attempt, const WorkspaceName& workspace,
                SteadyPoint now);

 private:
  struct Entry {
    WorkspaceName workspace;
    SteadyPoint found{};
  };
  mutable std::mutex mutex_;
  std::map<std::pair<NodeId, AttemptId>, Entry> entries_;
};

// The workspace of an attempt that holds `node` now.
std::optional<WorkspaceName> FindPlacement(const scheduler::State& state, const NodeId& node,
                                           const AttemptId& attempt);

}  // namespace muster::server
