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
    "Example:\n"
    "  muster node show n1\n"
    "\n"
    "JSON: the node.";

std::string Report(const v1::Node& node) {
  return LayOutProperties(
      {{"Node", node.id()},
       {"Pool", node.pool()},
       {"State", NodeStateName(node.state())},
       {"Remark", NodeRemark(node)},
       {"Slots",
        std::to_string(node.slots_used()) + " of " + std::to_string(node.slots()) + " in use"},
       {"Jobs", NodeJobs(node)},
       {"Host", node.host_name()},
       {"Address", node.address()},
       {"Agent", node.agent_version()},
       {"Boot id", node.boot_id()},
       {"Free disk", node.free_disk_bytes() == 0 ? "" : FormatBytes(node.free_disk_bytes())},
       {"Last heard", FormatLocalTime(node.last_heard_us())}});
}

Outcome<ExitCode> Run(Session& session, const std::string& node_id) {
  MUSTER_CLI_ASSIGN(Client* const client, session.Connect());
  v1::GetNodeRequest request;
  request.set_workspace(session.workspace());
  request.set_node_id(node_id);
  MUSTER_CLI_ASSIGN(const v1::GetNodeReply reply,
                    Call<v1::NodeService>(*client, &v1::NodeService::Stub::GetNode, request));
  if (session.json) {
    session.PrintJson(reply.node());
  } else {
    session.out << Report(reply.node());
  }
  return ExitCode::kOk;
}

}  // namespace

void AddNodeShow(CommandLine& line) {
  const auto node_id = std::make_shared<std::string>();
  line.Add("node show", "Show one node",
           [node_id](Session& session) { return Run(session, *node_id); })
      .Argument("NODE", *node_id, "Id of the node")
      .Footer(kFooter);
}

}  // namespace muster::cli
