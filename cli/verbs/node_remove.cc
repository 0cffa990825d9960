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
    "  muster node drain n1\n"
    "  muster node remove n1\n"
    "\n"
    "Refused while the node runs work. To come back it has to join with a join token. JSON: {}.";

Outcome<ExitCode> Run(Session& session, const std::string& node_id) {
  MUSTER_CLI_ASSIGN(Client* const client, session.Connect());
  v1::RemoveNodeRequest request;
  request.set_workspace(session.workspace());
  request.set_node_id(node_id);
  request.set_request_id(NewRequestId(client->random()));
  MUSTER_CLI_ASSIGN(const v1::RemoveNodeReply reply,
                    Call<v1::NodeService>(*client, &v1::NodeService::Stub::RemoveNode, request));
  return Acknowledge(session, reply, node_id + " is removed");
}

}  // namespace

void AddNodeRemove(CommandLine& line) {
  const auto node_id = std::make_shared<std::string>();
  line.Add("node remove", "Revoke the certificate of a node and forget it",
           [node_id](Session& session) { return Run(session, *node_id); })
      .Argument("NODE", *node_id, "Id of the node")
      .Footer(kFooter);
}

}  // namespace muster::cli
