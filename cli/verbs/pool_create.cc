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
    "Examples:\n"
    "  muster pool create small --slots-per-node 4 --max-nodes 8\n"
    "  muster pool create shared --slots-per-node 16 --max-nodes 4 --sharing slots\n"
    "\n"
    "exclusive: a node belongs to one job at a time. slots: jobs share nodes, one slot a process.\n"
    "JSON: {}.";

struct Options {
  std::string name, sharing = "exclusive";
  std::optional<std::uint32_t> slots_per_node, min_nodes, max_nodes;
};

Outcome<ExitCode> Run(Session& session, const Options& options) {
  if (!options.max_nodes) {
    return FailWith(UsageError("--max-nodes is needed: jobs that need more nodes are refused"));
  }
  MUSTER_CLI_ASSIGN(Client* const client, session.Connect());
  v1::CreatePoolRequest request;
  v1::Pool& pool = *request.mutable_pool();
  pool.set_workspace(session.workspace());
  pool.set_name(options.name);
  pool.set_slots_per_node(options.slots_per_node.value_or(1));
  pool.set_min_nodes(options.min_nodes.value_or(0));
  pool.set_max_nodes(*options.max_nodes);
  pool.set_sharing(options.sharing == "slots" ? v1::SHARING_MODE_SLOTS
                                              : v1::SHARING_MODE_EXCLUSIVE);
  request.set_request_id(NewRequestId(client->random()));
  MUSTER_CLI_ASSIGN(const v1::CreatePoolReply reply,
                    Call<v1::PoolService>(*client, &v1::PoolService::Stub::CreatePool, request));
  return Acknowledge(session, reply, "pool " + options.name + " is created");
}

}  // namespace

void AddPoolCreate(CommandLine& line) {
  const auto options = std::make_shared<Options>();
  line.Add("pool create", "Make a pool",
           [options](Session& session) { return Run(session, *options); })
      .Argument("NAME", options->name, "2 to 24 of a-z, 0-9 and -, first a letter")
      .Value("--slots-per-node", "N", options->slots_per_node,
             "Processes that a node runs at once (default: 1)")
      .Value("--min-nodes", "N", options->min_nodes, "Nodes to keep (default: 0)")
      .Value("--max-nodes", "N", options->max_nodes, "Nodes at most")
      .Value("--sharing", "exclusive|slots", options->sharing, "Default: exclusive")
      .Footer(kFooter);
}

}  // namespace muster::cli
