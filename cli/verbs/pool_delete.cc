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
    "  muster pool delete small\n"
    "\n"
    "Refused while it has nodes or jobs. JSON: {}.";

Outcome<ExitCode> Run(Session& session, const std::string& name) {
  MUSTER_CLI_ASSIGN(Client* const client, session.Connect());
  v1::DeletePoolRequest request;
  request.set_workspace(session.workspace());
  request.set_name(name);
  request.set_request_id(NewRequestId(client->random()));
  MUSTER_CLI_ASSIGN(const v1::DeletePoolReply reply,
                    Call<v1::PoolService>(*client, &v1::PoolService::Stub::DeletePool, request));
  return Acknowledge(session, reply, "pool " + name + " is deleted");
}

}  // namespace

void AddPoolDelete(CommandLine& line) {
  const auto name = std::make_shared<std::string>();
  line.Add("pool delete", "Delete an empty pool",
           [name](Session& session) { return Run(session, *name); })
      .Argument("NAME", *name, "Name of the pool")
      .Footer(kFooter);
}

}  // namespace muster::cli
