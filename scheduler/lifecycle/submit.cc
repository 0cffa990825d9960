#include "scheduler/lifecycle/submit.h"

#include <utility>
#include <vector>

#include "scheduler/lifecycle/job_id.h"
#include "scheduler/model/queries.h"

namespace muster::scheduler {

namespace {

// At most ten names, so that the sentence stays one.
template <class Map>
std::string NamesIn(const Map& map, const WorkspaceName& workspace) {
  constexpr int kMaxNames = 10;
  std::string names;
  int count = 0;
  for (auto it = map.lower_bound({workspace, {}}); it != map.end(); ++it) {
    if (it->first.workspace != workspace) break;
    if (++count > kMaxNames) return names + ", ...";
    if (!names.empty()) names += ", ";
    names += it->first.name.str();
  }
  return names.empty() ? "none" : names;
}

void CheckPool(const State& state, const SubmitJob& command, std::vector<Fault>& faults) {
  const JobRequirements& requirements = command.requirements;
  const std::string& name = requirements.pool.str();
  const Pool* pool = Find(state.pools, PoolKey{command.workspace, requirements.pool});
  if (pool == nullptr) {
    faults.push_back(Fault{"pool", name,
                           "there is no pool \"" + name + "\" in workspace \"" +
                               command.workspace.str() +
                               "\"; there are: " + NamesIn(state.pools, command.workspace)});
    return;
  }
  if (requirements.node_count > pool->max_nodes) {
    const std::string limit = std::to_string(pool->max_nodes);
    faults.push_back(Fault{
        "node_count", std::to_string(requirements.node_count),
        "pool \"" + name + "\" has at most " + limit + (pool->max_nodes == 1 ? " node" : " nodes") +
            ": ask for no more than " + limit + ", or raise the pool's maximum"});
  }
  const bool has_declared_size = pool->slots_per_node != 0;
  if (has_declared_size && requirements.processes_per_node > pool->slots_per_node) {
    const std::string limit = std::to_string(pool->slots_per_node);
    faults.push_back(Fault{"process_count_per_node",
                           std::to_string(requirements.processes_per_node),
                           "nodes of pool \"" + name + "\" have " + limit +
                               " slots: ask for no more than " + limit + " processes per node"});
  }
}

void CheckDatastores(const State& state, const SubmitJob& command, std::vector<Fault>& faults) {
  for (std::size_t i = 0; i < command.datastores.size(); ++i) {
    const DatastoreName& name = command.datastores[i];
    if (state.datastores.contains(DatastoreKey{command.workspace, name})) continue;
    faults.push_back(Fault{"data_references[" + std::to_string(i) + "].datastore", name.str(),
                           "there is no datastore \"" + name.str() + "\" in workspace \"" +
                               command.workspace.str() +
                               "\"; there are: " + NamesIn(state.datastores, command.workspace)});
  }
}

Status CheckQueueLength(const State& state, const Surroundings& surroundings) {
  std::size_t waiting = 0;
  for (const auto& [key, pool] : state.pools) waiting += pool.waiting.size();
  if (waiting < surroundings.max_waiting_jobs) return {};
  return Fail(ErrorCode::kResourceExhausted, ErrorReason::kTooMany,
              std::to_string(waiting) + " jobs are waiting, the limit is " +
                  std::to_string(surroundings.max_waiting_jobs) +
                  "; submit again once some have started.");
}

}  // namespace

Result<Answer> Decide(Decision& decision, const SubmitJob& command,
                      const Surroundings& surroundings) {
  const State& state = decision.state();
  if (auto repeated = Repeated(state, command.workspace, command.idempotency)) {
    return *std::move(repeated);
  }
  MUSTER_TRY(AcceptsNewWork(surroundings));
  MUSTER_TRY(WorkspaceExists(state, command.workspace));
  std::vector<Fault> faults;
  CheckPool(state, command, faults);
  CheckDatastores(state, command, faults);
  if (!faults.empty()) return Fail(InvalidSpec(std::move(faults)));
  MUSTER_TRY(CheckQueueLength(state, surroundings));

  JobSubmitted submitted;
  submitted.sequence = state.last_job_sequence + 1;
  submitted.id = JobIdFor(command.experiment, decision.now().wall, submitted.sequence);
  submitted.workspace = command.workspace;
  submitted.experiment = command.experiment;
  submitted.user = surroundings.principal.user;
  submitted.requirements = command.requirements;
  submitted.given_spec = command.given_spec;
  submitted.resolved_spec = command.resolved_spec;
  const std::string id = submitted.id.str();
  decision.Emit(std::move(submitted));
  Remember(decision, command.workspace, command.idempotency, id);
  return Answer{id, JobStatus::kQueued, false};
}

}  // namespace muster::scheduler
