#include <memory>

#include "cli/client.h"
#include "cli/run_files.h"
#include "cli/session.h"
#include "cli/verbs/verbs.h"

namespace muster::cli {
namespace {

constexpr char kFooter[] =
    "Example:\n"
    "  muster job files digits_1790000000_0a1b2c3d\n"
    "\n"
    "Logs and outputs of the newest attempt, and what was uploaded to the run. `muster job logs`\n"
    "shows a log, `muster job download` fetches files. JSON: {\"files\": [...]}.";

Outcome<ExitCode> Run(Session& session, const std::string& job_id) {
  MUSTER_CLI_ASSIGN(Client* const client, session.Connect());
  MUSTER_CLI_ASSIGN(const muster::v1::ListRunFilesReply reply,
                    ListRunFiles(*client, session.workspace(), job_id));
  ShowRunFiles(session, reply);
  return ExitCode::kOk;
}

}  // namespace

void AddJobFiles(CommandLine& line) {
  const auto job_id = std::make_shared<std::string>();
  line.Add("job files", "List the files of a job",
           [job_id](Session& session) { return Run(session, *job_id); })
      .Argument("JOB", *job_id, "Id of the job, or of another run")
      .Footer(kFooter);
}

}  // namespace muster::cli
