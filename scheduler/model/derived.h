// The derived members of the state, computed from the rest: what boot calls after it has loaded
// rows.
#pragma once

#include "scheduler/model/state.h"

namespace muster::scheduler {

// Fills Pool.waiting, Pool.nodes, Node.held, Job.request_key and answered_by_sequence anew, and
// forgets the oldest answers beyond kRememberedRequests. Every reference in the state must lead
// somewhere (a job's pool, an attempt's job): a broken one aborts. Linear in the state.
void RebuildDerived(State& state);

}  // namespace muster::scheduler
