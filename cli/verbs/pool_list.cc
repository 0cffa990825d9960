#include <ostream>

#include "cli/client.h"
#include "cli/session.h"
#include "cli/table.h"
#include "cli/verbs/verbs.h"
#include "muster/v1/cluster.grpc.pb.h"

namespace muster::cli {
namespace {

namespace v1 = muster::v1;

constexpr char kFooter[] =
    "Example:\n"
    "  muster pool list\n"
    "\n"
    "JSON: {\"pools\": [...]}.";

// A pool that is there from the start takes nodes of any size.
std::string Slots(const v1::Pool& pool) {
  return pool.slots_per_node() == 0 ? "any" : std::to_string(pool.slots_per_node());
}

Outcome<ExitCode> Run(Session& session) {
  MUSTER_CLI_ASSIGN(Client* const client, session.Connect());
  v1::ListPoolsRequest request;
  request.set_workspace(session.workspace());
  MUSTER_CLI_ASSIGN(const v1::ListPoolsReply reply,
                    Call<v1::PoolService>(*client, &v1::PoolService::Stub::ListPools, request));
  if (session.json) {
    session.PrintJson(reply);
    return ExitCode::kOk;
  }
  Table table{{{"POOL"},
               {"SLOTS/NODE", Align::kRight},
               {"MIN", Align::kRight},
               {"MAX", Align::kRight},
               {"SHARING"},
               {"IDLE", Align::kRight},
               {"BUSY", Align::kRight},
               {"UNUSABLE", Align::kRight},
               {"WAITING JOBS", Align::kRight}},
              {}};
  for (const v1::Pool& pool : reply.pools()) {
    table.rows.push_back({pool.name(), Slots(pool), std::to_string(pool.min_nodes()),
                          std::to_string(pool.max_nodes()),
                          pool.sharing() == v1::SHARING_MODE_SLOTS ? "slots" : "exclusive",
                          std::to_string(pool.idle_nodes()), std::to_string(pool.busy_nodes()),
                          std::to_string(pool.unusable_nodes()),
                          std::to_string(pool.waiting_jobs())});
  }
  session.out << LayOut(table, session.terminal.width);
  return ExitCode::kOk;
}

}  // namespace

void AddPoolList(CommandLine& line) { line.Add("pool list", "List pools", Run).Footer(kFooter); }

}  // namespace muster::cli
