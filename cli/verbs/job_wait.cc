#include <memory>
#include <ostream>

#include "cli/client.h"
#include "cli/format.h"
#include "cli/job_watch.h"
#include "cli/session.h"
#include "cli/verbs/verbs.h"

namespace muster::cli {
namespace {

constexpr char kFooter[] =
    "Example:\n"
    "  muster job wait digits_1790000000_0a1b2c3d && echo trained\n"
    "\n"
    "Exit code 0: Completed. 1: Failed or Canceled, the cause is on stderr. Ctrl-C leaves the job\n"
    "running. Goes on across restarts of the server. JSON: the job as it ended.";

Outcome<ExitCode> Run(Session& session, const std::string& job_id) {
  MUSTER_CLI_ASSIGN(Client* const client, session.Connect());
  // First of all: an unknown job is an error now, not something to wait for.
  MUSTER_CLI_TRY(GetJob(*client, session.workspace(), job_id));
  ExplainInterrupts(job_id);
  const auto on_event = [&](const muster::v1::JobEvent& event) {
    if (session.json) return;
    session.out << FormatLocalTime(event.time_us()) << "  " << StatusName(event.status())
                << std::endl;
  };
  MUSTER_CLI_ASSIGN(const muster::v1::Job job,
                    WaitForEnd(*client, session.workspace(), job_id, on_event));
  if (session.json) session.PrintJson(job);
  return Verdict(job);
}

}  // namespace

void AddJobWait(CommandLine& line) {
  const auto job_id = std::make_shared<std::string>();
  line.Add("job wait", "Wait until a job has ended; exit 0 only if it is Completed",
           [job_id](Session& session) { return Run(session, *job_id); })
      .Argument("JOB", *job_id, "Id of the job")
      .Footer(kFooter);
}

}  // namespace muster::cli
