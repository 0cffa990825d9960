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

enum class Known { kNo, kYes, kRevoked };

Known IsKnown(const TokenId& id, CoreLoop& loop) {
  std::promise<Known> answered;
  loop.Query([&](const Core& core, Now) {
    const auto token = core.state().tokens.find(id);
    const bool is_there = token != core.state().tokens.end();
    answered.set_value(!is_there               ? Known::kNo
                       : token->second.revoked ? Known::kRevoked
                                               : Known::kYes);
  });
  return answered.get_future().get();
}

Status Create(scheduler::CreateToken command, CoreLoop& loop) {
  const TokenId id = command.definition.id;
  std::promise<Result<ReplyValue>> answered;
  loop.Post(scheduler::Command{ServerItself(), std::move(command)},
            [&answered](Result<ReplyValue> result) { answered.set_value(std::move(result)); });
  const Result<ReplyValue> result = answered.get_future().get();
  if (!result) return Fail(result.error());
  if (result->entity == id.str()) return {};
  // The first start was with another key: no token that people hold is known here.
  return Fail(ErrorCode::kFailedPrecondition, ErrorReason::kCorruptState,
              "token.key is not the one that state.db was made with; restore token.key and pki/ "
              "from the same backup as state.db");
}

Status EnsureToken(const std::filesystem::path& path, MintedToken token, CoreLoop& loop) {
  if (std::error_code ignored; std::filesystem::exists(path, ignored)) return {};
  switch (IsKnown(token.command.definition.id, loop)) {
    case Known::kNo:
      MUSTER_TRY(Create(std::move(token.command), loop));
      break;
    case Known::kYes:
      break;
    case Known::kRevoked:
      return {};
  }
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
