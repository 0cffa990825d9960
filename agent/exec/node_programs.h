// The node's own copies of muster-shim and muster-rsh.
#pragma once

#include <string>

#include "base/result.h"

namespace muster::agent {

// Copies both from `source` to <directory>/bin/<digest>/ and gives that path. An upgrade makes
// another directory: a running attempt keeps the version that it began with. Versions that no
// attempt of the node was launched with are removed. Called before anything is launched.
Result<std::string> InstallPrograms(const std::string& source, const std::string& directory);

}  // namespace muster::agent
