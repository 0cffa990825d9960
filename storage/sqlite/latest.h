// Picks from the batches of one transaction what each entity is in the end.
#pragma once

#include <map>
#include <span>
#include <vector>

#include "storage/store.h"

namespace muster::storage {

// Null: removed. Points into the batches. Ordered by key, so that the same group writes the same
// pages.
template <class Key, class Row>
using Latest = std::map<Key, const Row*>;

struct LatestRows {
  std::vector<const scheduler::Job*> jobs;  // in the order of their first appearance
  Latest<AttemptId, scheduler::Attempt> attempts;
  Latest<NodeId, scheduler::Node> nodes;
  Latest<scheduler::PoolKey, scheduler::Pool> pools;
  Latest<scheduler::DatastoreKey, scheduler::Datastore> datastores;
  Latest<TokenId, scheduler::Token> tokens;
  std::vector<WorkspaceName> workspaces;
  const RowChanges* server = nullptr;  // the last with `server` set
};

LatestRows PickLatest(std::span<const Batch* const> batches);

}  // namespace muster::storage
