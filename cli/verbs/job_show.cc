#include <memory>
#include <ostream>

#include "cli/client.h"
#include "cli/job_report.h"
#include "cli/job_watch.h"
#include "cli/session.h"
#include "cli/verbs/verbs.h"

namespace muster::cli {
namespace {

constexpr char kFooter[] =
    "Example:\n"
    "  muster job show digits_1790000000_0a1b2c3d\n"
    "\n"
    "Says why a job waits or failed, each attempt, and each rank's node and exit code or signal.\n"
    "JSON: the job.";

Outcome<ExitCode> Run(Session& session, const std::string& job_id) {
  MUSTER_CLI_ASSIGN(Client* const client, session.Connect());
  MUSTER_CLI_ASSIGN(const muster::v1::Job job, GetJob(*client, session.workspace(), job_id));
  if (session.json) {
    session.PrintJson(job);
  } else {
    session.out << ReportJob(job, ToMicros(ReadClock().wall), session.terminal.width);
  }
  return ExitCode::kOk;
}

}  // namespace

void AddJobShow(CommandLine& line) {
  const auto job_id = std::make_shared<std::string>();
  line.Add("job show", "Show all there is to know about a job",
           [job_id](Session& session) { return Run(session, *job_id); })
      .Argument("JOB", *job_id, "Id of the job")
      .Footer(kFooter);
}

}  // namespace muster::cli
