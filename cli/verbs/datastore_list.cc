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
    "  muster datastore list\n"
    "\n"
    "JSON: {\"datastores\": [...]}.";

Outcome<ExitCode> Run(Session& session) {
  MUSTER_CLI_ASSIGN(Client* const client, session.Connect());
  v1::ListDatastoresRequest request;
  request.set_workspace(session.workspace());
  MUSTER_CLI_ASSIGN(
      const v1::ListDatastoresReply reply,
      Call<v1::DatastoreService>(*client, &v1::DatastoreService::Stub::ListDatastores, request));
  if (session.json) {
    session.PrintJson(reply);
    return ExitCode::kOk;
  }
  Table table{{{"DATASTORE"}, {"TYPE"}, {"PATH", Align::kLeft, true}}, {}};
  for (const v1::Datastore& datastore : reply.datastores()) {
    table.rows.push_back(
        {datastore.name(), datastore.has_local() ? "local" : "", datastore.local().path()});
  }
  session.out << LayOut(table, session.terminal.width);
  return ExitCode::kOk;
}

}  // namespace

void AddDatastoreList(CommandLine& line) {
  line.Add("datastore list", "List datastores", Run).Footer(kFooter);
}

}  // namespace muster::cli
