// What is on the virtual disk: the events, folded, and beside them the rows as they were written.
// The two must say the same after every transaction and at every boot.
#pragma once

#include <cstdint>
#include <map>

#include "scheduler/model/apply.h"
#include "scheduler/model/state.h"
#include "storage/store.h"
#include "tests/sim/audit.h"
#include "tests/sim/world.h"

namespace muster::sim {

class DurableLog {
 public:
  DurableLog(World& world, Audit& audit) : world_(world), audit_(audit) {}

  // One transaction becomes durable.
  void Write(const storage::Batch& batch);
  // What a boot reads: the rows, derived members filled in. Promises that the fold is the same.
  scheduler::State Load() const;

  const scheduler::State& fold() const { return fold_; }
  const Audit& audit() const { return audit_; }
  // Of all durable events so far.
  std::uint64_t hash() const { return hash_; }

 private:
  struct Rows {
    std::map<JobId, scheduler::Job> jobs;
    std::map<AttemptId, scheduler::Attempt> attempts;
    std::map<NodeId, scheduler::Node> nodes;
    std::map<scheduler::PoolKey, scheduler::Pool> pools;
    std::map<scheduler::DatastoreKey, scheduler::Datastore> datastores;
    std::map<TokenId, scheduler::Token> tokens;
    std::set<WorkspaceName> workspaces;
    std::map<scheduler::RequestKey, scheduler::AnsweredRequest> answered;
    std::uint64_t epoch = 0;
    std::uint64_t last_sequence = 0;
    std::uint64_t last_job_sequence = 0;
    std::optional<TimePoint> leases_extended_until;
  };

  void WriteEvent(const scheduler::Event& event, scheduler::Touched& touched);
  void WriteRows(const storage::RowChanges& changes);
  void CompareTouched(const scheduler::Touched& touched) const;

  World& world_;
  Audit& audit_;
  scheduler::State fold_;
  Rows rows_;
  std::uint64_t hash_ = 0xcbf29ce484222325ULL;
  std::uint64_t batches_ = 0;
};

// Promises that no invariant of the model is broken. Linear in the state.
void PromiseInvariants(const scheduler::State& state, const char* whose);

}  // namespace muster::sim
