#include "server/rpc/state_faults.h"

#include <string>

#include "server/rpc/field_checks.h"
#include "server/rpc/spec_resolution.h"

namespace muster::server {
namespace {

namespace v1 = muster::v1;

std::string PoolsOf(const scheduler::State& state, const WorkspaceName& workspace) {
  std::string names;
  for (const auto& [key, pool] : state.pools) {
    if (key.workspace != workspace) continue;
    if (names.size() > 200) return names + ", ...";
    names += (names.empty() ? "" : ", ") + key.name.str();
  }
  return names.empty() ? "none" : names;
}

void CheckSize(const scheduler::Pool& pool, const v1::JobSpec& spec, std::vector<Fault>& faults) {
  const std::string name = "pool \"" + pool.key.name.str() + "\"";
  if (spec.node_count() > pool.max_nodes) {
    AddFault(faults, "node_count", std::to_string(spec.node_count()),
             name + " has at most " + std::to_string(pool.max_nodes) +
                 (pool.max_nodes == 1 ? " node" : " nodes") +
                 "; ask for fewer or use a larger pool");
  }
  if (pool.slots_per_node != 0 && spec.process_count_per_node() > pool.slots_per_node) {
    AddFault(faults, "process_count_per_node", std::to_string(spec.process_count_per_node()),
             "a node of " + name + " has " + std::to_string(pool.slots_per_node) +
                 " slots; ask for fewer processes per node");
  }
}

}  // namespace

std::vector<Fault> StateFaults(const scheduler::State& state, const WorkspaceName& workspace,
                               const v1::JobSpec& spec) {
  std::vector<Fault> faults;
  const std::string pool_name = spec.pool().empty() ? "default" : spec.pool();
  const auto pool = state.pools.find(scheduler::PoolKey{workspace, PoolName(pool_name)});
  if (pool == state.pools.end()) {
    AddFault(faults, "pool", pool_name,
             "there is no such pool; the pools of this workspace: " + PoolsOf(state, workspace));
  } else {
    CheckSize(pool->second, spec, faults);
  }
  for (int i = 0; i < spec.data_references_size(); ++i) {
    const std::string& datastore = spec.data_references(i).datastore();
    const scheduler::DatastoreKey key{workspace, FoldDatastoreName(datastore)};
    if (datastore.empty() || state.datastores.contains(key)) continue;
    AddFault(faults, "data_references[" + std::to_string(i) + "].datastore", datastore,
             "there is no such datastore; register it first");
  }
  return faults;
}

}  // namespace muster::server
