#include "storage/sqlite/latest.h"

#include <unordered_map>

namespace muster::storage {

LatestRows PickLatest(std::span<const Batch* const> batches) {
  LatestRows latest;
  std::unordered_map<std::uint64_t, std::size_t> job_index;  // by sequence
  for (const Batch* batch : batches) {
    const RowChanges& rows = batch->rows;
    for (const scheduler::Job& job : rows.jobs) {
      const auto [found, added] = job_index.try_emplace(job.sequence, latest.jobs.size());
      if (added) {
        latest.jobs.push_back(&job);
      } else {
        latest.jobs[found->second] = &job;
      }
    }
    for (const scheduler::Attempt& attempt : rows.attempts) latest.attempts[attempt.id] = &attempt;
    for (const NodeId& id : rows.removed_nodes) latest.nodes[id] = nullptr;
    for (const scheduler::Node& node : rows.nodes) latest.nodes[node.id] = &node;
    for (const scheduler::PoolKey& key : rows.removed_pools) latest.pools[key] = nullptr;
    for (const scheduler::Pool& pool : rows.pools) latest.pools[pool.key] = &pool;
    for (const scheduler::Datastore& store : rows.datastores) latest.datastores[store.key] = &store;
    for (const TokenId& id : rows.removed_tokens) latest.tokens[id] = nullptr;
    for (const scheduler::Token& token : rows.tokens) latest.tokens[token.id] = &token;
    latest.workspaces.insert(latest.workspaces.end(), rows.workspaces.begin(),
                             rows.workspaces.end());
    if (rows.server) latest.server = &rows;
  }
  return latest;
}

}  // namespace muster::storage
