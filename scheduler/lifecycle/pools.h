// Definition of pools.
#pragma once

#include "scheduler/lifecycle/request.h"

namespace muster::scheduler {

// ALREADY_EXISTS (kNameTaken) if there is one of that name.
Result<Answer> Decide(Decision& decision, const CreatePool& command,
                      const Surroundings& surroundings);
// Refused (FAILED_PRECONDITION) where a waiting job could never run any more, and the sharing mode
// while jobs hold nodes. Linear in the pool's queue.
Result<Answer> Decide(Decision& decision, const UpdatePool& command,
                      const Surroundings& surroundings);
// Refused while it has nodes or waiting jobs.
Result<Answer> Decide(Decision& decision, const DeletePool& command,
                      const Surroundings& surroundings);

}  // namespace muster::scheduler
