#include <ostream>

#include "cli/client.h"
#include "cli/session.h"
#include "cli/table.h"
#include "cli/verbs/verbs.h"
#include "muster/v1/admin.grpc.pb.h"

namespace muster::cli {
namespace {

namespace v1 = muster::v1;

constexpr char kFooter[] =
    "Example:\n"
    "  muster workspace list\n"
    "\n"
    "Those that your token may see. JSON: {\"names\": [...]}.";

Outcome<ExitCode> Run(Session& session) {
  MUSTER_CLI_ASSIGN(Client* const client, session.Connect());
  MUSTER_CLI_ASSIGN(const v1::ListWorkspacesReply reply,
                    Call<v1::AdminService>(*client, &v1::AdminService::Stub::ListWorkspaces,
                                           v1::ListWorkspacesRequest()));
  if (session.json) {
    session.PrintJson(reply);
    return ExitCode::kOk;
  }
  Table table{{{"WORKSPACE"}, {"IN USE HERE"}}, {}};
  for (const std::string& name : reply.names()) {
    table.rows.push_back({name, name == session.workspace() ? "yes" : ""});
  }
  session.out << LayOut(table, session.terminal.width);
  return ExitCode::kOk;
}

}  // namespace

void AddWorkspaceList(CommandLine& line) {
  line.Add("workspace list", "List workspaces", Run).Footer(kFooter);
}

}  // namespace muster::cli
