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
    "  muster pool update small --max-nodes 12\n"
    "\n"
    "What is not named stays as it is. JSON: {}.";

struct Options {
  std::string name;
  std::optional<std::string> sharing;
  std::optional<std::uint32_t> slots_per_node, min_nodes, max_nodes;
};

Outcome<ExitCode> Run(Session& session, const Options& options) {
  v1::UpdatePoolRequest request;
  request.set_name(options.name);
  if (options.slots_per_node) request.set_slots_per_node(*options.slots_per_node);
  if (options.min_nodes) request.set_min_nodes(*options.min_nodes);
  if (options.max_nodes) request.set_max_nodes(*options.max_nodes);
  if (options.sharing) {
    request.set_sharing(*options.sharing == "slots" ? v1::SHARING_MODE_SLOTS
                                                    : v1::SHARING_MODE_EXCLUSIVE);
  }
  if (!options.slots_per_node && !options.min_nodes && !options.max_nodes && !options.sharing) {
    return FailWith(
        UsageError("nothing to change was named: --slots-per-node, --min-nodes, "
                   "--max-nodes, --sharing"));
  }
  MUSTER_CLI_ASSIGN(Client* const client, session.Connect());
  request.set_workspace(session.workspace());
  request.set_request_id(NewRequestId(client->random()));
  MUSTER_CLI_ASSIGN(const v1::UpdatePoolReply reply,
                    Call<v1::PoolService>(*client, &v1::PoolService::Stub::UpdatePool, request));
  return Acknowledge(session, reply, "pool " + options.name + " is changed");
}

}  // namespace

void AddPoolUpdate(CommandLine& line) {
  const auto options = std::make_shared<Options>();
  line.Add("pool update", "Change a pool",
           [options](Session& session) { return Run(session, *options); })
      .Argument("NAME", options->name, "Name of the pool")
      .Value("--slots-per-node", "N", options->slots_per_node, "Processes that a node runs at once")
      .Value("--min-nodes", "N", options->min_nodes, "Nodes to keep")
      .Value("--max-nodes", "N", options->max_nodes, "Nodes at most")
      .Value("--sharing", "exclusive|slots", options->sharing, "Who shares a node")
      .Footer(kFooter);
}

}  // namespace muster::cli
