// The text of a job file, and of what it names, before it is parsed.
#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"

namespace muster::cli {

// At most 2 MiB.
Result<std::string> ReadWholeFile(const std::filesystem::path& path);

// JSON writes a character beyond 16 bits as two escapes, which YAML does not know: as one that it
// knows, if the text is JSON; any other text as it is. Pure.
std::string JoinSurrogates(const std::string& text);

}  // namespace muster::cli
