#include <memory>
#include <ostream>

#include "cli/client.h"
#include "cli/format.h"
#include "cli/node_report.h"
#include "cli/session.h"
#include "cli/table.h"
#include "cli/verbs/verbs.h"
#include "muster/v1/cluster.grpc.pb.h"

namespace muster::cli {
namespace {

namespace v1 = muster::v1;

constexpr char kFooter[] =
    "Examples:\n"
    "  muster node list\n"
    "  muster node list --pool gpu\n"
    "\n"
    "JSON: {\"nodes\": [...]}.";

Outcome<ExitCode> Run(Session& session, const std::string& pool) {
  MUSTER_CLI_ASSIGN(Client* const client, session.Connect());
  v1::ListNodesRequest request;
  request.set_workspace(session.workspace());
  request.set_pool(pool);
  MUSTER_CLI_ASSIGN(const v1::ListNodesReply reply,
                    Call<v1::NodeService>(*client, &v1::NodeService::Stub::ListNodes, request));
  if (session.json) {
    session.PrintJson(reply);
    return ExitCode::kOk;
  }
  Table table{{{"NODE"},
               {"POOL"},
               {"STATE"},
               {"SLOTS", Align::kRight},
               {"JOBS", Align::kLeft, true},
               {"HOST", Align::kLeft, true},
               {"ADDRESS"},
               {"LAST HEARD"},
               {"REMARK", Align::kLeft, true}},
              {}};
  for (const v1::Node& node : reply.nodes()) {
    table.rows.push_back({node.id(), node.pool(), NodeStateName(node.state()),
                          std::to_string(node.slots_used()) + "/" + std::to_string(node.slots()),
                          NodeJobs(node), node.host_name(), node.address(),
                          FormatLocalTime(node.last_heard_us()), NodeRemark(node)});
  }
  session.out << LayOut(table, session.terminal.width);
  return ExitCode::kOk;
}

}  // namespace

void AddNodeList(CommandLine& line) {
  const auto pool = std::make_shared<std::string>();
  line.Add("node list", "List nodes", [pool](Session& session) { return Run(session, *pool); })
      .Value("--pool", "NAME", *pool, "Only of this pool")
      .Footer(kFooter);
}

}  // namespace muster::cli
