#include <ostream>

#include "cli/client.h"
#include "cli/format.h"
#include "cli/role_name.h"
#include "cli/session.h"
#include "cli/table.h"
#include "cli/verbs/verbs.h"
#include "muster/v1/admin.grpc.pb.h"

namespace muster::cli {
namespace {

namespace v1 = muster::v1;

constexpr char kFooter[] =
    "Example:\n"
    "  muster token list\n"
    "\n"
    "Never shows a secret. JSON: {\"tokens\": [...]}.";

std::string State(const v1::TokenInfo& token, std::int64_t now_us) {
  if (token.revoked()) return "revoked";
  return token.expires_us() <= now_us ? "expired" : "valid";
}

Outcome<ExitCode> Run(Session& session) {
  MUSTER_CLI_ASSIGN(Client* const client, session.Connect());
  v1::ListTokensRequest request;
  request.set_workspace(session.workspace());
  MUSTER_CLI_ASSIGN(
      const v1::ListTokensReply reply,
      CallForPages<v1::AdminService>(*client, &v1::AdminService::Stub::ListTokens, request,
                                     [](v1::ListTokensRequest&, const v1::ListTokensReply&) {}));
  if (session.json) {
    session.PrintJson(reply);
    return ExitCode::kOk;
  }
  Table table{{{"TOKEN"}, {"USER"}, {"ROLE"}, {"POOL"}, {"STATE"}, {"CREATED"}, {"EXPIRES"}}, {}};
  const std::int64_t now_us = ToMicros(ReadClock().wall);
  for (const v1::TokenInfo& token : reply.tokens()) {
    table.rows.push_back({token.token_id(), token.user(), RoleName(token.role()), token.pool(),
                          State(token, now_us), FormatLocalTime(token.created_us()),
                          FormatLocalTime(token.expires_us())});
  }
  session.out << LayOut(table, session.terminal.width);
  return ExitCode::kOk;
}

}  // namespace

void AddTokenList(CommandLine& line) {
  line.Add("token list", "List tokens, join tokens too", Run).Footer(kFooter);
}

}  // namespace muster::cli
