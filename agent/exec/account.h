// The account that jobs run as.
#pragma once

#include <optional>
#include <string>

#include "agent/shim/launch_file.h"
#include "base/result.h"

namespace muster::agent {

// When the agent is root: the account named `job_user`, with its groups; FAILED_PRECONDITION if it
// does not exist or is root. Otherwise nothing: jobs run as the agent does.
Result<std::optional<Credentials>> JobAccount(const std::string& job_user);

}  // namespace muster::agent
