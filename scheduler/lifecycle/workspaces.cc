#include "scheduler/lifecycle/workspaces.h"

#include "scheduler/model/queries.h"

namespace muster::scheduler {

Result<Answer> Decide(Decision& decision, const CreateWorkspace& command,
                      const Surroundings& surroundings) {
  const State& state = decision.state();
  const WorkspaceName& scope = surroundings.principal.workspace;
  if (auto repeated = Repeated(state, scope, command.idempotency)) return *std::move(repeated);
  MUSTER_TRY(AcceptsNewWork(surroundings));
  if (state.workspaces.contains(command.name)) {
    return Fail(ErrorCode::kAlreadyExists, ErrorReason::kNameTaken,
                "Workspace \"" + command.name.str() + "\" exists already.");
  }
  decision.Emit(WorkspaceCreated{command.name});
  Remember(decision, scope, command.idempotency, command.name.str());
  return Answer{command.name.str(), {}, false};
}

Result<Answer> Decide(Decision& decision, const RegisterDatastore& command,
                      const Surroundings& surroundings) {
  const State& state = decision.state();
  const DatastoreRegistered& definition = command.definition;
  if (auto repeated = Repeated(state, definition.workspace, command.idempotency)) {
    return *std::move(repeated);
  }
  MUSTER_TRY(AcceptsNewWork(surroundings));
  MUSTER_TRY(WorkspaceExists(state, definition.workspace));
  decision.Emit(definition);
  Remember(decision, definition.workspace, command.idempotency, definition.name.str());
  return Answer{definition.name.str(), {}, false};
}

}  // namespace muster::scheduler
