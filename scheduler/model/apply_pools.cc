#include <utility>

#include "base/check.h"
#include "scheduler/model/apply_parts.h"

namespace muster::scheduler {

namespace {

void Define(Pool& pool, const PoolCreated& definition) {
  pool.key = PoolKey{definition.workspace, definition.name};
  pool.slots_per_node = definition.slots_per_node;
  pool.min_nodes = definition.min_nodes;
  pool.max_nodes = definition.max_nodes;
  pool.sharing = definition.sharing;
}

}  // namespace

void ApplyBody(const ApplyContext& context, const PoolCreated& event) {
  const PoolKey key{event.workspace, event.name};
  const auto [it, is_new] = context.state.pools.try_emplace(key);
  MUSTER_CHECK(is_new, "a pool is created once");
  Define(it->second, event);
  context.touched.pools.insert(key);
}

void ApplyBody(const ApplyContext& context, const PoolUpdated& event) {
  const PoolKey key{event.definition.workspace, event.definition.name};
  Define(MustFind(context.state, key), event.definition);
  context.touched.pools.insert(key);
}

void ApplyBody(const ApplyContext& context, const PoolDeleted& event) {
  const PoolKey key{event.workspace, event.name};
  const Pool& pool = MustFind(context.state, key);
  MUSTER_CHECK(pool.nodes.empty() && pool.waiting.empty(), "a deleted pool is empty");
  context.state.pools.erase(key);
  context.touched.pools.insert(key);
}

void ApplyBody(const ApplyContext& context, const DatastoreRegistered& event) {
  const DatastoreKey key{event.workspace, event.name};
  context.state.datastores[key] = Datastore{key, event.local_path};
  context.touched.datastores.insert(key);
}

}  // namespace muster::scheduler
