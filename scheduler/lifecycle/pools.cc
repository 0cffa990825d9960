#include "scheduler/lifecycle/pools.h"

#include <algorithm>

#include "scheduler/model/queries.h"

namespace muster::scheduler {

namespace {

tl::unexpected<Error> NoSuchPool(const WorkspaceName& workspace, const PoolName& name) {
  return Fail(ErrorCode::kNotFound, ErrorReason::kUnknownPool,
              "There is no pool \"" + name.str() + "\" in workspace \"" + workspace.str() + "\".");
}

Status CheckSize(const PoolCreated& definition) {
  if (definition.min_nodes <= definition.max_nodes && definition.max_nodes > 0) return {};
  return Fail(ErrorCode::kInvalidArgument, ErrorReason::kInvalidSpec,
              "Pool \"" + definition.name.str() + "\": min_nodes is " +
                  std::to_string(definition.min_nodes) + " and max_nodes " +
                  std::to_string(definition.max_nodes) +
                  "; max_nodes is to be 1 or more and no less than min_nodes.");
}

// "1 node", "2 nodes".
std::string Count(std::size_t count, const std::string& noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

// An accepted job stays feasible.
Status CheckWaiting(const State& state, const Pool& pool, const PoolCreated& definition) {
  for (const auto& [key, id] : pool.waiting) {
    const JobRequirements& needs = state.jobs.at(id).requirements;
    const bool fits_slots =
        definition.slots_per_node == 0 || needs.processes_per_node <= definition.slots_per_node;
    if (needs.node_count <= definition.max_nodes && fits_slots) continue;
    return Fail(ErrorCode::kFailedPrecondition, ErrorReason::kInfeasible,
                "Job \"" + id.str() + "\" waits in pool \"" + definition.name.str() + "\" for " +
                    Count(needs.node_count, "node") + " of " +
                    Count(needs.processes_per_node, "slot") +
                    " and could never run any more; cancel it first.");
  }
  return {};
}

Status CheckSharing(const State& state, const Pool& pool, SharingMode sharing) {
  if (sharing == pool.sharing) return {};
  const bool is_held = std::any_of(pool.nodes.begin(), pool.nodes.end(), [&](const NodeId& id) {
    return !state.nodes.at(id).held.empty();
  });
  if (!is_held) return {};
  return Fail(ErrorCode::kFailedPrecondition, ErrorReason::kInUse,
              "Jobs run in pool \"" + pool.key.name.str() +
                  "\"; its sharing mode can be changed once none does.");
}

}  // namespace

Result<Answer> Decide(Decision& decision, const CreatePool& command,
                      const Surroundings& surroundings) {
  const State& state = decision.state();
  const PoolCreated& definition = command.definition;
  if (auto repeated = Repeated(state, definition.workspace, command.idempotency)) {
    return *std::move(repeated);
  }
  MUSTER_TRY(AcceptsNewWork(surroundings));
  MUSTER_TRY(WorkspaceExists(state, definition.workspace));
  MUSTER_TRY(CheckSize(definition));
  if (state.pools.contains(PoolKey{definition.workspace, definition.name})) {
    return Fail(ErrorCode::kAlreadyExists, ErrorReason::kNameTaken,
                "Pool \"" + definition.name.str() + "\" exists already.");
  }
  decision.Emit(definition);
  Remember(decision, definition.workspace, command.idempotency, definition.name.str());
  return Answer{definition.name.str(), {}, false};
}

Result<Answer> Decide(Decision& decision, const UpdatePool& command, const Surroundings&) {
  const State& state = decision.state();
  if (auto repeated = Repeated(state, command.workspace, command.idempotency)) {
    return *std::move(repeated);
  }
  const Pool* pool = Find(state.pools, PoolKey{command.workspace, command.name});
  if (pool == nullptr) return NoSuchPool(command.workspace, command.name);
  PoolCreated definition{command.workspace,
                         command.name,
                         command.slots_per_node.value_or(pool->slots_per_node),
                         command.min_nodes.value_or(pool->min_nodes),
                         command.max_nodes.value_or(pool->max_nodes),
                         command.sharing.value_or(pool->sharing)};
  MUSTER_TRY(CheckSize(definition));
  MUSTER_TRY(CheckWaiting(state, *pool, definition));
  MUSTER_TRY(CheckSharing(state, *pool, definition.sharing));
  decision.Emit(PoolUpdated{std::move(definition)});
  Remember(decision, command.workspace, command.idempotency, command.name.str());
  return Answer{command.name.str(), {}, false};
}

Result<Answer> Decide(Decision& decision, const DeletePool& command, const Surroundings&) {
  const State& state = decision.state();
  if (auto repeated = Repeated(state, command.workspace, command.idempotency)) {
    return *std::move(repeated);
  }
  const Pool* pool = Find(state.pools, PoolKey{command.workspace, command.name});
  if (pool == nullptr) return NoSuchPool(command.workspace, command.name);
  if (!pool->nodes.empty() || !pool->waiting.empty()) {
    return Fail(ErrorCode::kFailedPrecondition, ErrorReason::kInUse,
                "Pool \"" + command.name.str() + "\" has " + Count(pool->nodes.size(), "node") +
                    " and " + Count(pool->waiting.size(), "waiting job") +
                    "; remove and cancel them first.");
  }
  decision.Emit(PoolDeleted{command.workspace, command.name});
  Remember(decision, command.workspace, command.idempotency, command.name.str());
  return Answer{command.name.str(), {}, false};
}

}  // namespace muster::scheduler
