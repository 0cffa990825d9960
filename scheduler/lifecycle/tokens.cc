#include <chrono>
#include <vector>

#include "scheduler/lifecycle/workspaces.h"
#include "scheduler/model/queries.h"

namespace muster::scheduler {

namespace {

constexpr std::size_t kMaxTokens = 100'000;

std::vector<TokenId> LongExpired(const Decision& decision) {
  const TimePoint limit = decision.now().wall - kTokenRetention;
  std::vector<TokenId> expired;
  for (const auto& [id, token] : decision.state().tokens) {
    if (token.expires < limit) expired.push_back(id);
  }
  return expired;
}

// Makes room. A revoked token stays until it would have expired all the same: its id and secret
// follow from a request id, and must not become valid again by that.
Status MakeRoom(Decision& decision) {
  const std::vector<TokenId> expired = LongExpired(decision);
  if (decision.state().tokens.size() - expired.size() >= kMaxTokens) {
    return Fail(ErrorCode::kResourceExhausted, ErrorReason::kTooMany,
                "The server keeps 100,000 tokens and has as many; give tokens shorter lives.");
  }
  for (const TokenId& id : expired) decision.Emit(TokenForgotten{id});
  return {};
}

}  // namespace

Result<Answer> Decide(Decision& decision, const CreateToken& command,
                      const Surroundings& surroundings) {
  const State& state = decision.state();
  const TokenCreated& definition = command.definition;
  if (auto repeated = Repeated(state, definition.workspace, command.idempotency)) {
    return *std::move(repeated);
  }
  MUSTER_TRY(AcceptsNewWork(surroundings));
  MUSTER_TRY(WorkspaceExists(state, definition.workspace));
  const bool is_join = definition.role == Role::kJoin;
  if (is_join && !state.pools.contains(PoolKey{definition.workspace, definition.pool})) {
    return Fail(ErrorCode::kNotFound, ErrorReason::kUnknownPool,
                "There is no pool \"" + definition.pool.str() + "\" for a node to join.");
  }
  if (state.tokens.contains(definition.id)) {
    return Fail(ErrorCode::kAlreadyExists, ErrorReason::kNameTaken,
                "Token \"" + definition.id.str() + "\" exists already.");
  }
  MUSTER_TRY(MakeRoom(decision));
  decision.Emit(definition);
  Remember(decision, definition.workspace, command.idempotency, definition.id.str());
  return Answer{definition.id.str(), {}, false};
}

Result<Answer> Decide(Decision& decision, const RevokeToken& command, const Surroundings&) {
  const State& state = decision.state();
  if (auto repeated = Repeated(state, command.workspace, command.idempotency)) {
    return *std::move(repeated);
  }
  const Token* token = Find(state.tokens, command.id);
  if (token == nullptr || token->workspace != command.workspace) {
    return Fail(ErrorCode::kNotFound, ErrorReason::kUnknownToken,
                "There is no token \"" + command.id.str() + "\" in workspace \"" +
                    command.workspace.str() + "\".");
  }
  if (!token->revoked) decision.Emit(TokenRevoked{command.id});
  Remember(decision, command.workspace, command.idempotency, command.id.str());
  return Answer{command.id.str(), {}, false};
}

}  // namespace muster::scheduler
