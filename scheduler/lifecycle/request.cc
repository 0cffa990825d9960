#include "scheduler/lifecycle/request.h"

#include "scheduler/model/queries.h"

namespace muster::scheduler {

std::optional<Result<Answer>> Repeated(const State& state, const WorkspaceName& workspace,
                                       const Idempotency& idempotency) {
  if (idempotency.key.empty()) return std::nullopt;
  const AnsweredRequest* answer = Find(state.answered, RequestKey{workspace, idempotency.key});
  if (answer == nullptr) return std::nullopt;
  if (answer->request_digest != idempotency.request_digest) {
    return Fail(ErrorCode::kAlreadyExists, ErrorReason::kIdempotencyKeyReused,
                "Request id \"" + idempotency.key +
                    "\" was used before with other content; every new request needs an id of its "
                    "own.");
  }
  return Answer{answer->entity, {}, true};
}

void Remember(Decision& decision, const WorkspaceName& workspace, const Idempotency& idempotency,
              const std::string& entity) {
  if (idempotency.key.empty()) return;
  decision.Emit(RequestAnswered{workspace, idempotency.key, idempotency.request_digest, entity});
}

Status AcceptsNewWork(const Surroundings& surroundings) {
  if (surroundings.shutting_down) {
    return Fail(ErrorCode::kUnavailable, ErrorReason::kShuttingDown,
                "The server is stopping; ask again once it is back.");
  }
  if (surroundings.disk_low) {
    constexpr std::uint64_t kMebibyte = 1U << 20;
    return Fail(ErrorCode::kResourceExhausted, ErrorReason::kDiskReserve,
                "The server's disk has " +
                    std::to_string(surroundings.free_disk_bytes / kMebibyte) +
                    " MiB free, below its reserve of " +
                    std::to_string(surroundings.disk_reserve_bytes / kMebibyte) +
                    " MiB; new work is taken once there is room.");
  }
  return {};
}

Status WorkspaceExists(const State& state, const WorkspaceName& workspace) {
  if (state.workspaces.contains(workspace)) return {};
  return Fail(ErrorCode::kNotFound, ErrorReason::kUnknownWorkspace,
              "There is no workspace \"" + workspace.str() + "\".");
}

}  // namespace muster::scheduler
