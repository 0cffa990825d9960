#include "scheduler/lifecycle/workspaces.h"
#include "scheduler/model/queries.h"

namespace muster::scheduler {

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
