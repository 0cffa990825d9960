// Apply: the only mutator of the state. Pure and total: every event that Decide can emit is
// applied, an impossible one (an unknown job, a transition outside the table) is a broken invariant
// and aborts.
#pragma once

#include <set>

#include "scheduler/model/event.h"
#include "scheduler/model/state.h"

namespace muster::scheduler {

// What an Apply touched: the rows to write in the same transaction.
struct Touched {
  std::set<JobId> jobs;
  std::set<AttemptId> attempts;
  std::set<NodeId> nodes;
  std::set<PoolKey> pools;
  std::set<DatastoreKey> datastores;
  std::set<TokenId> tokens;
  std::set<WorkspaceName> workspaces;
  bool server = false;  // epoch, leases_extended_until, sequences
};

void Apply(State& state, const Event& event, Touched& touched);

// Forgets ended jobs whose attempts hold no node. Separate from Apply, so that the rows of the
// touched entities can be written first. Deterministic; called after every batch of events.
void Prune(State& state, const Touched& touched);

}  // namespace muster::scheduler
