// The files of a run, as the verbs list and fetch them.
#pragma once

#include <string>

#include "cli/client.h"
#include "cli/session.h"
#include "muster/v1/files.pb.h"

namespace muster::cli {

// All pages, those of one attempt (0: the newest).
Outcome<muster::v1::ListRunFilesReply> ListRunFiles(Client& client, const std::string& workspace,
                                                    const std::string& run_id);

// A table, or JSON if that was asked for.
void ShowRunFiles(Session& session, const muster::v1::ListRunFilesReply& reply);

// Writes what the server has of the file below `directory`, under its own name: through a temporary
// file beside it, so that it is there whole or not at all. Goes on where a broken stream ended.
// Fails (kUsage) for a file that is there, without `overwrite`, and for a name that would leave the
// directory, also through a link.
struct Fetch {
  std::string workspace, run_id, directory;
  bool overwrite = false;
};
Outcome<void> FetchRunFile(Client& client, const Fetch& fetch, std::uint32_t attempt,
                           const std::string& name);

}  // namespace muster::cli
