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
    "  muster datastore register shared --path /srv/data\n"
    "  muster job submit ... --data digits=shared/digits -- --data "
    "'$AZUREML_DATAREFERENCE_digits'\n"
    "\n"
    "The path is one on the nodes, not on this machine. JSON: {}.";

struct Options {
  std::string name, path;
};

Outcome<ExitCode> Run(Session& session, const Options& options) {
  if (!options.path.starts_with('/')) {
    return FailWith(UsageError("--path is needed: an absolute path on the nodes"));
  }
  MUSTER_CLI_ASSIGN(Client* const client, session.Connect());
  v1::RegisterDatastoreRequest request;
  v1::Datastore& datastore = *request.mutable_datastore();
  datastore.set_workspace(session.workspace());
  datastore.set_name(options.name);
  datastore.mutable_local()->set_path(options.path);
  request.set_request_id(NewRequestId(client->random()));
  MUSTER_CLI_ASSIGN(
      const v1::RegisterDatastoreReply reply,
      Call<v1::DatastoreService>(*client, &v1::DatastoreService::Stub::RegisterDatastore, request));
  return Acknowledge(session, reply, "datastore " + options.name + " is registered");
}

}  // namespace

void AddDatastoreRegister(CommandLine& line) {
  const auto options = std::make_shared<Options>();
  line.Add("datastore register", "Name a directory on the nodes as a datastore",
           [options](Session& session) { return Run(session, *options); })
      .Argument("NAME", options->name, "1 to 255 of A-Z, a-z, 0-9 and _")
      .Value("--path", "PATH", options->path, "Absolute path on the nodes")
      .Footer(kFooter);
}

}  // namespace muster::cli
