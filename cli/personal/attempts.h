// Attempts of jobs that still have processes on the nodes of a personal server, whatever agents and
// server do. Each is held by its shim, which holds a lock; what the shim held dies with it.
#pragma once

#include <filesystem>
#include <vector>

#include "base/time.h"
#include "cli/personal/layout.h"

namespace muster::cli {

// Directories of the attempts that are alive. To be asked while no agent starts any.
std::vector<std::filesystem::path> LiveAttempts(const PersonalLayout& layout);

// Waits up to `patience` for them to end, then kills their shims; those that outlive 2 s more.
std::vector<std::filesystem::path> EndAttempts(const PersonalLayout& layout, Duration patience);

}  // namespace muster::cli
