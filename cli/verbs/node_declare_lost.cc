#include <memory>
#include <ostream>

#include "cli/acknowledge.h"
#include "cli/client.h"
#include "cli/session.h"
#include "cli/verbs/verbs.h"
#include "muster/v1/cluster.grpc.pb.h"

namespace muster::cli {
namespace {

namespace v1 = muster::v1;

constexpr char kFooter[] =
    "Example:\n"
    "  muster node declare-lost n1\n"
    "\n"
    "Only for a machine that surely runs nothing any more: jobs with retries start again at once\n"
    "instead of waiting for the lease. JSON: {}.";

Outcome<ExitCode> Run(Session& session, const std::string& node_id) {
  MUSTER_CLI_ASSIGN(Client* const client, session.Connect());
  v1::DeclareNodeLostRequest request;
  request.set_workspace(session.workspace());
  request.set_node_id(node_id);
  request.set_request_id(NewRequestId(client->random()));
  MUSTER_CLI_ASSIGN(
      const v1::DeclareNodeLostReply reply,
      Call<v1::NodeService>(*client, &v1::NodeService::Stub::DeclareNodeLost, request));
  return Acknowledge(session, reply, node_id + " is declared lost");
}

}  // namespace

void AddNodeDeclareLost(CommandLine& line) {
  const auto node_id = std::make_shared<std::string>();
  line.Add("node declare-lost", "Say that a machine is off: its attempts are lost now",
           [node_id](Session& session) { return Run(session, *node_id); })
      .Argument("NODE", *node_id, "Id of the node")
      .Footer(kFooter);
}

}  // namespace muster::cli
