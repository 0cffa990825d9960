#include "server/first_tokens.h"

#include <future>
#include <utility>

#include "base/log.h"
#include "security/secret_file.h"

namespace muster::server {
namespace {

scheduler::Principal ServerItself() {
  scheduler::Principal principal;
  principal.role = scheduler::Role::kAdmin;
  principal.workspace = WorkspaceName("default");
  return principal;
}

Status EnsureToken(const std::filesystem::path& path, MintedToken token, CoreLoop& loop) {
  if (std::error_code ignored; std::filesystem::exists(path, ignored)) return {};
  std::promise<Result<ReplyValue>> answered;
  loop.Post(scheduler::Command{ServerItself(), std::move(token.command)},
            [&answered](Result<ReplyValue> result) { answered.set_value(std::move(result)); });
  const Result<ReplyValue> result = answered.get_future().get();
  if (!result) return Fail(result.error());
  MUSTER_TRY(security::WriteSecretFile(path, token.text + "\n"));
  Log(LogLevel::kInfo, "token_written", {{"path", path.string()}});
  return {};
}

}  // namespace

Status EnsureFirstTokens(const std::filesystem::path& state_directory, const TokenMint& mint,
                         CoreLoop& loop) {
  const TimePoint now = ReadClock().wall;
  MUSTER_TRY(EnsureToken(state_directory / "admin.token", mint.FirstAdminToken(now), loop));
  return EnsureToken(state_directory / "join.token", mint.FirstJoinToken(now), loop);
}

}  // namespace muster::server
