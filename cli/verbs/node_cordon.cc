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

constexpr char kCordonFooter[] =
    "Example:\n"
    "  muster node cordon n1\n"
    "\n"
    "What runs there goes on; `muster node uncordon n1` ends it. JSON: {}.";
constexpr char kUncordonFooter[] =
    "Example:\n"
    "  muster node uncordon n1\n"
    "\n"
    "Ends a drain as well. JSON: {}.";

Outcome<ExitCode> Run(Session& session, const std::string& node_id, bool cordoned) {
  MUSTER_CLI_ASSIGN(Client* const client, session.Connect());
  v1::CordonNodeRequest request;
  request.set_workspace(session.workspace());
  request.set_node_id(node_id);
  request.set_cordoned(cordoned);
  request.set_request_id(NewRequestId(client->random()));
  MUSTER_CLI_ASSIGN(const v1::CordonNodeReply reply,
                    Call<v1::NodeService>(*client, &v1::NodeService::Stub::CordonNode, request));
  return Acknowledge(session, reply,
                     node_id + (cordoned ? " is cordoned" : " takes new work again"));
}

void Add(CommandLine& line, const std::string& path, const std::string& summary, bool cordoned,
         const char* footer) {
  const auto node_id = std::make_shared<std::string>();
  line.Add(path, summary,
           [node_id, cordoned](Session& session) { return Run(session, *node_id, cordoned); })
      .Argument("NODE", *node_id, "Id of the node")
      .Footer(footer);
}

}  // namespace

void AddNodeCordon(CommandLine& line) {
  Add(line, "node cordon", "Give a node no new work", true, kCordonFooter);
  Add(line, "node uncordon", "Give a node new work again", false, kUncordonFooter);
}

}  // namespace muster::cli
