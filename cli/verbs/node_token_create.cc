#include <memory>
#include <ostream>

#include "cli/client.h"
#include "cli/session.h"
#include "cli/spec_words.h"
#include "cli/verbs/verbs.h"
#include "muster/v1/admin.grpc.pb.h"

namespace muster::cli {
namespace {

namespace v1 = muster::v1;

constexpr char kFooter[] =
    "Example:\n"
    "  (umask 077; muster node token create --pool default > join.token)\n"
    "  muster-agent --server HOST:PORT --join-token-file join.token ...   # on the new node\n"
    "\n"
    "The token lets machines join this pool until it expires. JSON: {\"token_id\", \"token\"}.";

struct Options {
  std::string pool = "default";
  std::optional<std::string> expires_in;
};

Outcome<ExitCode> Run(Session& session, const Options& options) {
  v1::CreateJoinTokenRequest request;
  if (options.expires_in) {
    MUSTER_CLI_ASSIGN(const std::int64_t seconds, ParseExpiry("--expires-in", *options.expires_in));
    request.set_expires_in_s(seconds);
  }
  MUSTER_CLI_ASSIGN(Client* const client, session.Connect());
  request.set_workspace(session.workspace());
  request.set_pool(options.pool);
  request.set_request_id(NewRequestId(client->random()));
  MUSTER_CLI_ASSIGN(
      const v1::CreateJoinTokenReply reply,
      Call<v1::AdminService>(*client, &v1::AdminService::Stub::CreateJoinToken, request));
  if (session.json) {
    session.PrintJson(reply);
  } else {
    session.out << reply.token() << "\n";
  }
  return ExitCode::kOk;
}

}  // namespace

void AddNodeTokenCreate(CommandLine& line) {
  const auto options = std::make_shared<Options>();
  line.Add("node token create", "Make a token that lets machines join a pool",
           [options](Session& session) { return Run(session, *options); })
      .Value("--pool", "NAME", options->pool, "Pool that they join (default: default)")
      .Value("--expires-in", "TIME", options->expires_in, "1h, 30d... (default: 24h)")
      .Footer(kFooter);
}

}  // namespace muster::cli
