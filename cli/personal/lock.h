// One `muster up` or `muster down` at a time works on a personal server.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "base/result.h"
#include "base/time.h"
#include "cli/owned_fd.h"

namespace muster::cli {

// Held until the returned descriptor is closed; a process that dies holds it no more. Tells
// `notice` once that it waits, and for whom. FAILED_PRECONDITION after `patience`.
Result<OwnedFd> LockPersonal(const std::filesystem::path& path, Duration patience,
                             const std::function<void(const std::string&)>& notice);

}  // namespace muster::cli
