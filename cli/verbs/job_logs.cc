#include <memory>

#include "cli/client.h"
#include "cli/log_stream.h"
#include "cli/run_files.h"
#include "cli/session.h"
#include "cli/verbs/verbs.h"

namespace muster::cli {
namespace {

constexpr char kFooter[] =
    "Examples:\n"
    "  muster job logs digits_1790000000_0a1b2c3d\n"
    "  muster job logs -f --rank 3 digits_1790000000_0a1b2c3d\n"
    "  muster job logs --list digits_1790000000_0a1b2c3d\n"
    "  muster job logs --file 65_job_prep-n1.txt digits_1790000000_0a1b2c3d\n"
    "\n"
    "The log is azureml-logs/70_driver_log.txt, or azureml-logs/70_driver_log_<rank>.txt of a job "
    "of\n"
    "several ranks. -f waits until it exists, goes on across breaks and retries, and ends with "
    "the\n"
    "job. JSON: the list of files, {\"files\": [...]}.";

struct Options {
  LogRequest request;
  bool list = false;
};

Outcome<ExitCode> ListFiles(Session& session, Client& client, const std::string& job_id) {
  MUSTER_CLI_ASSIGN(const muster::v1::ListRunFilesReply reply,
                    ListRunFiles(client, session.workspace(), job_id));
  ShowRunFiles(session, reply);
  return ExitCode::kOk;
}

Outcome<ExitCode> Run(Session& session, const Options& options) {
  MUSTER_CLI_ASSIGN(Client* const client, session.Connect());
  if (options.list || session.json) return ListFiles(session, *client, options.request.job_id);
  MUSTER_CLI_TRY(StreamLog(session, *client, options.request));
  return ExitCode::kOk;
}

}  // namespace

void AddJobLogs(CommandLine& line) {
  const auto options = std::make_shared<Options>();
  LogRequest& request = options->request;
  line.Add("job logs", "Print a log of a job, or follow it",
           [options](Session& session) { return Run(session, *options); })
      .Argument("JOB", request.job_id, "Id of the job")
      .Flag("-f,--follow", request.follow, "Go on until the job has ended")
      .Value("--rank", "N", request.wish.rank, "Log of this rank (default: 0)")
      .Value("--file", "NAME", request.wish.file, "Another file of the job; see --list")
      .Flag("--list", options->list, "List the files that there are")
      .Footer(kFooter);
}

}  // namespace muster::cli
