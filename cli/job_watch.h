// Follows a job to its end, across restarts of the server and breaks of the connection.
#pragma once

#include <functional>
#include <string>

#include "cli/client.h"
#include "muster/v1/jobs.pb.h"

namespace muster::cli {

Outcome<muster::v1::Job> GetJob(Client& client, const std::string& workspace,
                                const std::string& job_id, Duration patience = kReadPatience);

// Tells each change of status from the job's submission on, each once, and returns the job when it
// has ended. Gives up after kFollowPatience without the server.
Outcome<muster::v1::Job> WaitForEnd(
    Client& client, const std::string& workspace, const std::string& job_id,
    const std::function<void(const muster::v1::JobEvent&)>& on_event);

// What Ctrl-C does from now on: say that the job goes on and how to stop it, and end the process.
// `job_id` is copied.
void ExplainInterrupts(const std::string& job_id);

// kOk for a job that is Completed; else a failure (kNegative) with the cause as its sentence.
Outcome<ExitCode> Verdict(const muster::v1::Job& job);

}  // namespace muster::cli
