#include <algorithm>
#include <ostream>

#include "cli/client.h"
#include "cli/format.h"
#include "cli/session.h"
#include "cli/table.h"
#include "cli/verbs/verbs.h"
#include "muster/v1/tracking.grpc.pb.h"

namespace muster::cli {
namespace {

namespace v1 = muster::v1;

constexpr char kFooter[] =
    "Example:\n"
    "  muster experiment list\n"
    "\n"
    "The one with the newest run first; of the newest 100,000 jobs and all runs that are no jobs.\n"
    "JSON: {\"experiments\": [...]}.";

Outcome<ExitCode> Run(Session& session) {
  MUSTER_CLI_ASSIGN(Client* const client, session.Connect());
  v1::ListExperimentsRequest request;
  request.set_workspace(session.workspace());
  const auto stay = [](v1::ListExperimentsRequest&, const v1::ListExperimentsReply&) {};
  MUSTER_CLI_ASSIGN(v1::ListExperimentsReply reply,
                    CallForPages<v1::TrackingService>(
                        *client, &v1::TrackingService::Stub::ListExperiments, request, stay));
  std::stable_sort(reply.mutable_experiments()->begin(), reply.mutable_experiments()->end(),
                   [](const v1::Experiment& a, const v1::Experiment& b) {
                     return a.newest_us() > b.newest_us();
                   });
  if (session.json) {
    session.PrintJson(reply);
    return ExitCode::kOk;
  }
  Table table{{{"EXPERIMENT", Align::kLeft, true}, {"RUNS", Align::kRight}, {"NEWEST"}}, {}};
  for (const v1::Experiment& experiment : reply.experiments()) {
    table.rows.push_back({experiment.name(), std::to_string(experiment.run_count()),
                          FormatLocalTime(experiment.newest_us())});
  }
  session.out << LayOut(table, session.terminal.width);
  return ExitCode::kOk;
}

}  // namespace

void AddExperimentList(CommandLine& line) {
  line.Add("experiment list", "List experiments, the one with the newest run first", Run)
      .Footer(kFooter);
}

}  // namespace muster::cli
