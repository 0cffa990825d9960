#include "server/core/rows.h"

#include "scheduler/model/queries.h"

namespace muster::server {

namespace {

scheduler::Pool WithoutDerived(const scheduler::Pool& pool) {
  scheduler::Pool row;
  row.key = pool.key;
  row.slots_per_node = pool.slots_per_node;
  row.min_nodes = pool.min_nodes;
  row.max_nodes = pool.max_nodes;
  row.sharing = pool.sharing;
  return row;
}

scheduler::Node WithoutDerived(const scheduler::Node& node) {
  scheduler::Node row;
  row.id = node.id;
  row.pool = node.pool;
  row.facts = node.facts;
  row.certificate_fingerprint = node.certificate_fingerprint;
  row.cordoned = node.cordoned;
  row.draining = node.draining;
  row.lost = node.lost;
  return row;
}

}  // namespace

storage::RowChanges RowsOf(const scheduler::State& state, const scheduler::Touched& touched) {
  storage::RowChanges rows;
  for (const JobId& id : touched.jobs) rows.jobs.push_back(state.jobs.at(id));
  for (const AttemptId& id : touched.attempts) rows.attempts.push_back(state.attempts.at(id));
  for (const NodeId& id : touched.nodes) {
    if (const scheduler::Node* node = scheduler::Find(state.nodes, id)) {
      rows.nodes.push_back(WithoutDerived(*node));
    } else {
      rows.removed_nodes.push_back(id);
    }
  }
  for (const scheduler::PoolKey& key : touched.pools) {
    if (const scheduler::Pool* pool = scheduler::Find(state.pools, key)) {
      rows.pools.push_back(WithoutDerived(*pool));
    } else {
      rows.removed_pools.push_back(key);
    }
  }
  for (const auto& key : touched.datastores) rows.datastores.push_back(state.datastores.at(key));
  for (const TokenId& id : touched.tokens) {
    if (const scheduler::Token* token = scheduler::Find(state.tokens, id)) {
      rows.tokens.push_back(*token);
    } else {
      rows.removed_tokens.push_back(id);
    }
  }
  rows.workspaces.assign(touched.workspaces.begin(), touched.workspaces.end());
  rows.server = touched.server;
  rows.epoch = state.epoch;
  rows.last_job_sequence = state.last_job_sequence;
  rows.leases_extended_until = state.leases_extended_until;
  return rows;
}

}  // namespace muster::server
