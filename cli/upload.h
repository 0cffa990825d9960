// Brings a packed source directory to the server.
#pragma once

#include <string>

#include "cli/client.h"
#include "cli/pack.h"
#include "cli/session.h"

namespace muster::cli {

// Sends the content unless the server has it already. Shows bytes and rate when stderr is a
// terminal. Starts over when the connection breaks, within kSubmitPatience.
Outcome<void> UploadIfMissing(Session& session, Client& client, const std::string& workspace,
                              const PackedDirectory& packed);

}  // namespace muster::cli
