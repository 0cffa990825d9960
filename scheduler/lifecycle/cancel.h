// Cancel, by a user or an operator.
#pragma once

#include "scheduler/lifecycle/request.h"

namespace muster::scheduler {

// A waiting job is Canceled at once, a live one is told to stop (CancelRequested), an ended one
// keeps its status. Jobs that have ended long ago are not in the state: NOT_FOUND then. A user may
// cancel own jobs.
Result<Answer> Decide(Decision& decision, const CancelJob& command,
                      const Surroundings& surroundings);

// The path of every cancel, also of one that the time limit asks for. Nothing happens to a job that
// has been asked to stop before. `job` is live.
void RequestCancel(Decision& decision, const Job& job, const Cause& cause);

// PERMISSION_DENIED unless the job is the principal's own or the principal is an admin.
Status MayCancel(const Principal& principal, const Job& job);

}  // namespace muster::scheduler
