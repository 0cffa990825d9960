// The answer to a change that has nothing to tell but that it was made.
#pragma once

#include <string>

#include "cli/outcome.h"
#include "cli/session.h"

namespace muster::cli {

// Prints the sentence, or with --json the reply.
ExitCode Acknowledge(Session& session, const google::protobuf::Message& reply,
                     const std::string& sentence);

}  // namespace muster::cli
