// Workspaces, and the datastores and tokens in them.
#pragma once

#include "scheduler/lifecycle/request.h"

namespace muster::scheduler {

// ALREADY_EXISTS (kNameTaken) if there is one of that name. The request id counts in the workspace
// of whoever asks.
Result<Answer> Decide(Decision& decision, const CreateWorkspace& command,
                      const Surroundings& surroundings);
// Replaces one of the same name.
Result<Answer> Decide(Decision& decision, const RegisterDatastore& command,
                      const Surroundings& surroundings);
// The pool of a join token must exist.
Result<Answer> Decide(Decision& decision, const CreateToken& command,
                      const Surroundings& surroundings);
Result<Answer> Decide(Decision& decision, const RevokeToken& command,
                      const Surroundings& surroundings);

}  // namespace muster::scheduler
