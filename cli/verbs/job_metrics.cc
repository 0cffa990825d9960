#include <memory>
#include <ostream>

#include "cli/client.h"
#include "cli/format.h"
#include "cli/metric_table.h"
#include "cli/session.h"
#include "cli/verbs/verbs.h"
#include "muster/v1/tracking.grpc.pb.h"

namespace muster::cli {
namespace {

namespace v1 = muster::v1;

constexpr char kFooter[] =
    "Examples:\n"
    "  muster job metrics digits_1790000000_0a1b2c3d\n"
    "  muster job metrics --name loss digits_1790000000_0a1b2c3d\n"
    "  muster job metrics --json digits_1790000000_0a1b2c3d | jq -r '.values[].number'\n"
    "\n"
    "With --name every value of that metric, else one line a metric.\n"
    "JSON: {\"values\": [...]}, all of them.";

struct Options {
  std::string job_id, name;
};

Table ValueTable(const v1::ReadMetricsReply& reply) {
  Table table{{{"TIME"}, {"STEP", Align::kRight}, {"VALUE", Align::kLeft, true}}, {}};
  for (const v1::MetricValue& value : reply.values()) {
    table.rows.push_back({FormatLocalTime(value.time_us()),
                          value.has_step() ? std::to_string(value.step()) : "",
                          FormatMetric(value)});
  }
  return table;
}

Outcome<ExitCode> Run(Session& session, const Options& options) {
  MUSTER_CLI_ASSIGN(Client* const client, session.Connect());
  v1::ReadMetricsRequest request;
  request.set_workspace(session.workspace());
  request.set_run_id(options.job_id);
  request.set_name(options.name);
  const auto stay = [](v1::ReadMetricsRequest&, const v1::ReadMetricsReply&) {};
  MUSTER_CLI_ASSIGN(const v1::ReadMetricsReply reply,
                    CallForPages<v1::TrackingService>(
                        *client, &v1::TrackingService::Stub::ReadMetrics, request, stay));
  if (session.json) {
    session.PrintJson(reply);
    return ExitCode::kOk;
  }
  const std::vector<v1::MetricValue> values(reply.values().begin(), reply.values().end());
  const Table table = options.name.empty() ? MetricTable(values) : ValueTable(reply);
  session.out << LayOut(table, session.terminal.width);
  return ExitCode::kOk;
}

}  // namespace

void AddJobMetrics(CommandLine& line) {
  const auto options = std::make_shared<Options>();
  line.Add("job metrics", "Show what a job has logged",
           [options](Session& session) { return Run(session, *options); })
      .Argument("JOB", options->job_id, "Id of the job, or of another run")
      .Value("--name", "NAME", options->name, "Every value of this metric")
      .Footer(kFooter);
}

}  // namespace muster::cli
