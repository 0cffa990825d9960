// Workspaces, and the datastores and tokens in them.
#pragma once

#include <chrono>

#include "base/time.h"
#include "scheduler/lifecycle/request.h"

namespace muster::scheduler {

// ALREADY_EXISTS (kNameTaken) if there is one of that name. The request id counts in the workspace
// of whoever asks.
Result<Answer> Decide(Decision& decision, const CreateWorkspace& command,
                      const Surroundings& surroundings);
// Replaces one of the same name.
Result<Answer> Decide(Decision& decision, const RegisterDatastore& command,
                      const Surroundings& surroundings);
// How long an expired token is still shown; the next one that is made forgets it then.
inline constexpr Duration kTokenRetention = std::chrono::hours(24 * 30);

// The pool of a join token must exist. RESOURCE_EXHAUSTED (kTooMany) at 100,000 tokens.
Result<Answer> Decide(Decision& decision, const CreateToken& command,
                      const Surroundings& surroundings);
Result<Answer> Decide(Decision& decision, const RevokeToken& command,
                      const Surroundings& surroundings);

}  // namespace muster::scheduler
