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
    "  muster token revoke 0a1b2c3d4e5f6071   # the id, as `muster token list` shows it\n"
    "\n"
    "JSON: {}.";

Outcome<ExitCode> Run(Session& session, const std::string& token_id) {
  if (token_id.find('.') != std::string::npos) {
    return FailWith(UsageError("give the token's id (16 characters), never the token itself"));
  }
  MUSTER_CLI_ASSIGN(Client* const client, session.Connect());
  v1::RevokeTokenRequest request;
  request.set_workspace(session.workspace());
  request.set_token_id(token_id);
  request.set_request_id(NewRequestId(client->random()));
  MUSTER_CLI_ASSIGN(const v1::RevokeTokenReply reply,
                    Call<v1::AdminService>(*client, &v1::AdminService::Stub::RevokeToken, request));
  return Acknowledge(session, reply, token_id + " is revoked");
}

}  // namespace

void AddTokenRevoke(CommandLine& line) {
  const auto token_id = std::make_shared<std::string>();
  line.Add("token revoke", "Make a token worthless at once",
           [token_id](Session& session) { return Run(session, *token_id); })
      .Argument("TOKEN_ID", *token_id, "Id of the token")
      .Footer(kFooter);
}

}  // namespace muster::cli
