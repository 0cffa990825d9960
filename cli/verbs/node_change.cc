// drain, remove, declare-lost: what is said of a node with its id alone.
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

constexpr char kDrainFooter[] =
    "Example:\n"
    "  muster node drain n1\n"
    "\n"
    "`muster node show n1` tells when it is empty, `muster node uncordon n1` ends it. JSON: {}.";
constexpr char kDeclareLostFooter[] =
    "Example:\n"
    "  muster node declare-lost n1\n"
    "\n"
    "Only for a machine that surely runs nothing any more: jobs with retries start again at once\n"
    "instead of waiting for the lease. JSON: {}.";
constexpr char kRemoveFooter[] =
    "Example:\n"
    "  muster node drain n1\n"
    "  muster node remove n1\n"
    "\n"
    "Refused while the node runs work. To come back it has to join with a join token. JSON: {}.";

template <class Request, class Reply>
using Method = grpc::Status (v1::NodeService::Stub::*)(grpc::ClientContext*, const Request&,
                                                       Reply*);

template <class Request, class Reply>
Outcome<ExitCode> Run(Session& session, const std::string& node_id, Method<Request, Reply> method,
                      const std::string& outcome) {
  MUSTER_CLI_ASSIGN(Client* const client, session.Connect());
  Request request;
  request.set_workspace(session.workspace());
  request.set_node_id(node_id);
  request.set_request_id(NewRequestId(client->random()));
  MUSTER_CLI_ASSIGN(const Reply reply, Call<v1::NodeService>(*client, method, request));
  return Acknowledge(session, reply, node_id + outcome);
}

template <class Request, class Reply>
Verb Add(CommandLine& line, const std::string& path, const std::string& summary,
         Method<Request, Reply> method, const std::string& outcome) {
  const auto node_id = std::make_shared<std::string>();
  Verb verb = line.Add(path, summary, [node_id, method, outcome](Session& session) {
    return Run(session, *node_id, method, outcome);
  });
  verb.Argument("NODE", *node_id, "Id of the node");
  return verb;
}

}  // namespace

void AddNodeDrain(CommandLine& line) {
  Add(line, "node drain", "Give a node no new work, and let what runs there end",
      &v1::NodeService::Stub::DrainNode, " is draining")
      .Footer(kDrainFooter);
}

void AddNodeDeclareLost(CommandLine& line) {
  Add(line, "node declare-lost", "Say that a machine is off: its attempts are lost now",
      &v1::NodeService::Stub::DeclareNodeLost, " is declared lost")
      .Footer(kDeclareLostFooter);
}

void AddNodeRemove(CommandLine& line) {
  Add(line, "node remove", "Revoke the certificate of a node and forget it",
      &v1::NodeService::Stub::RemoveNode, " is removed")
      .Footer(kRemoveFooter);
}

}  // namespace muster::cli
