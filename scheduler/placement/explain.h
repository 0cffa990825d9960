// Why a job waits: one typed reason and one sentence. Pure; linear in the nodes of the job's pool
// and in the first 10,000 jobs that wait there.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/time.h"
#include "scheduler/model/state.h"

namespace muster::scheduler {

// Mirrors muster.v1.PendingReason.
enum class PendingReason : std::uint8_t {
  kBehindOthers = 1,
  kNodesBusy,
  kNodesMissing,
  kNodesUnavailable,
  kWaitingForLease,
};

struct Pending {
  PendingReason reason = PendingReason::kNodesBusy;
  std::string message;  // "needs 2 nodes of 4 slots; pool cpu has 3, 1 idle; held by job X, ..."
  std::uint64_t position = 0;  // in the pool's queue, from 1; 10,001 stands for all that follow
};

// Which nodes take new work now, by what is not in the state (sessions, disk).
using NodeUsable = std::function<bool(const NodeId&)>;

// `id` must be in the state and live. One that is NotResponding and may be retried waits for the
// lease of its silent attempt; any other that is not Queued is answered as one at the front of the
// queue.
Pending Explain(const State& state, const NodeUsable& usable, const JobId& id, TimePoint now);

}  // namespace muster::scheduler
