// Submission: what needs the state is checked here (workspace, pool, feasibility, datastores,
// limits); the rest of the specification was checked at the edge.
#pragma once

#include "scheduler/lifecycle/request.h"

namespace muster::scheduler {

// The job is Queued at once. INVALID_ARGUMENT lists every fault. Cost: logarithmic in the state.
Result<Answer> Decide(Decision& decision, const SubmitJob& command,
                      const Surroundings& surroundings);

}  // namespace muster::scheduler
