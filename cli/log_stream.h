// Brings a run file to stdout, from any offset, across breaks.
#pragma once

#include <string>

#include "cli/client.h"
#include "cli/log_name.h"
#include "cli/session.h"

namespace muster::cli {

struct LogRequest {
  std::string job_id;
  LogWish wish;
  // Wait for the file to appear and go on until the job has ended, retries included.
  bool follow = false;
};

// Each byte once, in order. Without `follow`: what is there now. Fails (kNegative) with the files
// that there are when the wanted one is not among them, and, following, when the job ended without
// it.
Outcome<void> StreamLog(Session& session, Client& client, const LogRequest& request);

}  // namespace muster::cli
