#include <memory>
#include <ostream>

#include "cli/acknowledge.h"
#include "cli/client.h"
#include "cli/session.h"
#include "cli/verbs/verbs.h"
#include "muster/v1/admin.grpc.pb.h"

namespace muster::cli {
namespace {

namespace v1 = muster::v1;

constexpr char kFooter[] =
    "Example:\n"
    "  muster workspace create vision\n"
    "  muster token create --workspace vision --user ann\n"
    "\n"
    "JSON: {}.";

Outcome<ExitCode> Run(Session& session, const std::string& name) {
  MUSTER_CLI_ASSIGN(Client* const client, session.Connect());
  v1::CreateWorkspaceRequest request;
  request.set_name(name);
  request.set_request_id(NewRequestId(client->random()));
  MUSTER_CLI_ASSIGN(
      const v1::CreateWorkspaceReply reply,
      Call<v1::AdminService>(*client, &v1::AdminService::Stub::CreateWorkspace, request));
  return Acknowledge(session, reply, "workspace " + name + " is created");
}

}  // namespace

void AddWorkspaceCreate(CommandLine& line) {
  const auto name = std::make_shared<std::string>();
  line.Add("workspace create", "Make a workspace",
           [name](Session& session) { return Run(session, *name); })
      .Argument("NAME", *name, "1 to 64 of a-z, 0-9 and -, first a letter")
      .Footer(kFooter);
}

}  // namespace muster::cli
