// Where `muster login` gets the token from. Never from the arguments: they are there for all to
// see.
#pragma once

#include <iosfwd>
#include <optional>
#include <string>

#include "base/result.h"

namespace muster::cli {

// From `file` ("-": stdin), else from the file that MUSTER_TOKEN_FILE names, else from stdin: asked
// for on `prompt` and typed without echo when stdin is a terminal.
Result<std::string> ReadToken(const std::optional<std::string>& file, std::ostream& prompt);

}  // namespace muster::cli
