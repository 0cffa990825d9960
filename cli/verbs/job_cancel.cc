#include <memory>
#include <ostream>

#include "cli/client.h"
#include "cli/format.h"
#include "cli/session.h"
#include "cli/verbs/verbs.h"
#include "muster/v1/jobs.grpc.pb.h"

namespace muster::cli {
namespace {

namespace v1 = muster::v1;

constexpr char kFooter[] =
    "Example:\n"
    "  muster job cancel digits_1790000000_0a1b2c3d\n"
    "\n"
    "The ranks get SIGTERM, and after the job's grace period (default 10 s) everything it started "
    "is\n"
    "killed. Prints the job's status; a job that has ended already keeps its own.\n"
    "JSON: {\"status\": \"JOB_STATUS_...\"}.";

Outcome<ExitCode> Run(Session& session, const std::string& job_id) {
  MUSTER_CLI_ASSIGN(Client* const client, session.Connect());
  v1::CancelJobRequest request;
  request.set_workspace(session.workspace());
  request.set_job_id(job_id);
  request.set_request_id(NewRequestId(client->random()));
  MUSTER_CLI_ASSIGN(const v1::CancelJobReply reply,
                    Call<v1::JobService>(*client, &v1::JobService::Stub::CancelJob, request));
  if (session.json) {
    session.PrintJson(reply);
  } else {
    session.out << StatusName(reply.status()) << "\n";
  }
  return ExitCode::kOk;
}

}  // namespace

void AddJobCancel(CommandLine& line) {
  const auto job_id = std::make_shared<std::string>();
  line.Add("job cancel", "Ask a job to stop",
           [job_id](Session& session) { return Run(session, *job_id); })
      .Argument("JOB", *job_id, "Id of the job")
      .Footer(kFooter);
}

}  // namespace muster::cli
