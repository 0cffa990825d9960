// Cancel, by a user or an operator.
#pragma once

#include "scheduler/lifecycle/request.h"

namespace muster::scheduler {

// A waiting job is Canceled at once, a live one is told to stop (CancelRequested), an ended one
// keeps its status. Jobs that have ended long ago are not in the state: NOT_FOUND then. A user may
// cancel own jobs.
Result<Answer> Decide(Decision& decision, const CancelJob& command,
                      const Surroundings& surroundings);

}  // namespace muster::scheduler
