// Tokens of people and programs, and those that let machines join.
#include <memory>
#include <ostream>

#include "cli/client.h"
#include "cli/role_name.h"
#include "cli/session.h"
#include "cli/spec_words.h"
#include "cli/verbs/verbs.h"
#include "muster/v1/admin.grpc.pb.h"

namespace muster::cli {
namespace {

namespace v1 = muster::v1;

constexpr char kJoinFooter[] =
    "Example:\n"
    "  (umask 077; muster node token create --pool default > join.token)\n"
    "  muster-agent --server HOST:PORT --join-token-file join.token ...   # on the new node\n"
    "\n"
    "The token lets machines join this pool until it expires. JSON: {\"token_id\", \"token\"}.";
constexpr char kFooter[] =
    "Example:\n"
    "  (umask 077; muster token create --user ann --role user > ann.token)\n"
    "  muster login --server HOST:PORT --token-file ann.token   # what ann does with it\n"
    "\n"
    "The token is shown now and never again. A viewer looks, a user submits and stops own jobs, "
    "an\n"
    "admin may do everything. JSON: {\"token_id\", \"token\"}.";

struct Options {
  std::string user;
  std::string role = "user";
  std::string pool = "default";
  std::optional<std::string> expires_in;
};

// What both kinds of token have in common, around what the request says else.
template <class Request, class Reply>
Outcome<ExitCode> Create(Session& session, Request request,
                         const std::optional<std::string>& expires_in,
                         grpc::Status (v1::AdminService::Stub::*method)(grpc::ClientContext*,
                                                                        const Request&, Reply*)) {
  if (expires_in) {
    MUSTER_CLI_ASSIGN(const std::int64_t seconds, ParseExpiry("--expires-in", *expires_in));
    request.set_expires_in_s(seconds);
  }
  MUSTER_CLI_ASSIGN(Client* const client, session.Connect());
  request.set_workspace(session.workspace());
  request.set_request_id(NewRequestId(client->random()));
  MUSTER_CLI_ASSIGN(const Reply reply, Call<v1::AdminService>(*client, method, request));
  if (session.json) {
    session.PrintJson(reply);
  } else {
    session.out << reply.token() << "\n";
  }
  return ExitCode::kOk;
}

Outcome<ExitCode> Run(Session& session, const Options& options) {
  if (options.user.empty()) return FailWith(UsageError("--user is needed: whose token is it?"));
  v1::CreateTokenRequest request;
  request.set_user(options.user);
  request.set_role(ParseRole(options.role));
  return Create(session, request, options.expires_in, &v1::AdminService::Stub::CreateToken);
}

Outcome<ExitCode> RunJoin(Session& session, const Options& options) {
  v1::CreateJoinTokenRequest request;
  request.set_pool(options.pool);
  return Create(session, request, options.expires_in, &v1::AdminService::Stub::CreateJoinToken);
}

}  // namespace

void AddTokenCreate(CommandLine& line) {
  const auto options = std::make_shared<Options>();
  line.Add("token create", "Make a token for a person or a program",
           [options](Session& session) { return Run(session, *options); })
      .Value("--user", "NAME", options->user, "Whose token it is")
      .Value("--role", "admin|user|viewer", options->role, "What it may do (default: user)")
      .Value("--expires-in", "TIME", options->expires_in, "1h, 30d... (default: 90d)")
      .Footer(kFooter);
}

void AddNodeTokenCreate(CommandLine& line) {
  const auto options = std::make_shared<Options>();
  line.Add("node token create", "Make a token that lets machines join a pool",
           [options](Session& session) { return RunJoin(session, *options); })
      .Value("--pool", "NAME", options->pool, "Pool that they join (default: default)")
      .Value("--expires-in", "TIME", options->expires_in, "1h, 30d... (default: 24h)")
      .Footer(kJoinFooter);
}

}  // namespace muster::cli
