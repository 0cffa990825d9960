// The daemons that `muster up` starts.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace muster::cli {

// Where a daemon may be, the first one wins: beside this program, where an installation puts it
// (<prefix>/bin, sbin, libexec/muster), in `search_path` ("/usr/bin:/bin"). Pure.
std::vector<std::filesystem::path> PlacesOf(const std::string& name,
                                            const std::filesystem::path& own_directory,
                                            std::string_view search_path);

// The first place that `is_executable`. Fails with what to do.
Result<std::filesystem::path> FindProgram(
    const std::string& name, const std::vector<std::filesystem::path>& places,
    const std::function<bool(const std::filesystem::path&)>& is_executable);

// On this machine.
Result<std::filesystem::path> FindDaemon(const std::string& name);

}  // namespace muster::cli
