#include <algorithm>
#include <cstdlib>
#include <memory>
#include <ostream>

#include "cli/client.h"
#include "cli/config.h"
#include "cli/session.h"
#include "cli/table.h"
#include "cli/token_input.h"
#include "cli/verbs/verbs.h"
#include "muster/v1/admin.grpc.pb.h"
#include "security/pinned_ca.h"
#include "security/token.h"

namespace muster::cli {
namespace {

namespace v1 = muster::v1;

constexpr Duration kFetchTimeout = std::chrono::seconds(10);

constexpr char kFooter[] =
    "Examples:\n"
    "  muster login --server muster.example.org:7677              # asks for the token\n"
    "  muster login --server 10.0.0.5:7677 --token-file ann.token\n"
    "  sudo cat /var/lib/muster/admin.token | muster login --server localhost:7677\n"
    "\n"
    "The token comes from --token-file, else from the file that MUSTER_TOKEN_FILE names, else "
    "from\n"
    "stdin. It holds the fingerprint of the server's certificate authority: another server is\n"
    "refused before it sees the token. Writes ~/.config/muster/config.json (mode 0600), or what\n"
    "MUSTER_CONFIG names. JSON: {\"names\": [...]}, the workspaces that the token may see.";

struct Options {
  std::string server;
  std::optional<std::string> token_file;
};

Failure NotPinned(Error error) {
  const bool unreachable =
      error.code == ErrorCode::kUnavailable || error.code == ErrorCode::kDeadlineExceeded;
  if (error.code == ErrorCode::kInvalidArgument) return Failure(std::move(error));
  if (unreachable) {
    error.message +=
        ". Check that musterd runs there (systemctl status musterd) and that the address is right.";
    return Failure(ExitCode::kUnreachable, std::move(error));
  }
  return Failure(ExitCode::kRefused, std::move(error));
}

// The wanted one, if the token may see it; else "default" or the first.
Outcome<std::string> ChooseWorkspace(const v1::ListWorkspacesReply& reply,
                                     const std::string& wanted) {
  const auto& names = reply.names();
  const auto has = [&](const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  if (!wanted.empty()) {
    if (has(wanted)) return wanted;
    return FailWith(Failure(ExitCode::kRefused,
                            UsageError("the token sees no workspace '" + Printable(wanted) + "'")));
  }
  return has("default") || names.empty() ? std::string("default") : names.Get(0);
}

Outcome<ExitCode> Run(Session& session, const Options& options) {
  if (options.server.empty()) return FailWith(UsageError("--server HOST:PORT is needed"));
  MUSTER_CLI_ASSIGN(const std::filesystem::path path, ConfigPath());
  MUSTER_CLI_ASSIGN(const std::string text, ReadToken(options.token_file, session.err));
  MUSTER_CLI_ASSIGN(const security::TokenText token, security::ParseToken(text));
  if (token.kind != security::TokenKind::kClient) {
    return FailWith(
        UsageError("this is a join token, for muster-agent; `muster login` takes one "
                   "made with `muster token create`"));
  }
  auto ca = security::FetchPinnedCa(options.server, token.ca_fingerprint, kFetchTimeout);
  if (!ca) return FailWith(NotPinned(std::move(ca).error()));
  Config config{options.server, session.workspace_flag, security::BearerOf(token), *ca};
  Client client(config, [&](const std::string& line) { session.Note(line); });
  MUSTER_CLI_ASSIGN(const v1::ListWorkspacesReply reply,
                    Call<v1::AdminService>(client, &v1::AdminService::Stub::ListWorkspaces,
                                           v1::ListWorkspacesRequest()));
  MUSTER_CLI_ASSIGN(config.workspace, ChooseWorkspace(reply, session.workspace_flag));
  MUSTER_CLI_TRY(SaveConfig(path, config));
  if (session.json) {
    session.PrintJson(reply);
  } else {
    session.out << "logged in to " << options.server << ", workspace " << config.workspace << "\n";
  }
  return ExitCode::kOk;
}

}  // namespace

void AddLogin(CommandLine& line) {
  const auto options = std::make_shared<Options>();
  line.Add("login", "Choose the server and say who you are",
           [options](Session& session) { return Run(session, *options); })
      .Value("--server", "HOST:PORT", options->server, "Where musterd listens")
      .Value("--token-file", "FILE", options->token_file, "File with the token (- is stdin)")
      .Footer(kFooter);
}

}  // namespace muster::cli
