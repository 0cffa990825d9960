#include "tests/sim/durable_log.h"

#include "scheduler/model/derived.h"
#include "scheduler/model/invariants.h"
#include "scheduler/model/queries.h"
#include "tests/sim/describe.h"
#include "tests/sim/same.h"
#include "tests/sim/violation.h"

namespace muster::sim {

namespace {

// The linear check of the whole state runs after every so-many-th transaction.
constexpr std::uint64_t kFoldCheckEvery = 16;

std::uint64_t HashOf(const std::string& text, std::uint64_t hash) {
  for (const char character : text) {
    hash = (hash ^ static_cast<unsigned char>(character)) * 0x100000001b3ULL;
  }
  return hash;
}

template <class Rows, class Items, class KeyOf>
void Put(Rows& rows, const Items& items, KeyOf key_of) {
  for (const auto& item : items) rows.insert_or_assign(key_of(item), item);
}

template <class Rows, class Fold, class Key>
void PromiseRow(const Rows& rows, const Fold& fold, const Key& key, const char* what) {
  const auto row = rows.find(key);
  const auto folded = fold.find(key);
  const bool both = row != rows.end() && folded != fold.end();
  const bool neither = row == rows.end() && folded == fold.end();
  Promise(neither || (both && Same(row->second, folded->second)),
          [what] { return std::string("a row is not the fold of its events: ") + what; });
}

}  // namespace

void PromiseInvariants(const scheduler::State& state, const char* whose) {
  const std::vector<std::string> broken = scheduler::BrokenInvariants(state);
  Promise(broken.empty(), [&] { return std::string(whose) + ": " + broken.front(); });
}

void DurableLog::Write(const storage::Batch& batch) {
  scheduler::Touched touched;
  for (const scheduler::Event& event : batch.events) WriteEvent(event, touched);
  WriteRows(batch.rows);
  CompareTouched(touched);
  scheduler::Prune(fold_, touched);
  if (++batches_ % kFoldCheckEvery == 0) PromiseInvariants(fold_, "the durable state");
}

void DurableLog::WriteEvent(const scheduler::Event& event, scheduler::Touched& touched) {
  const std::string text = Describe(event);
  world_.Trace([&] { return "durable  " + text; });
  hash_ = HashOf(text, hash_);
  audit_.See(event);
  scheduler::Apply(fold_, event, touched);
  rows_.last_sequence = event.sequence;
  if (const auto* answer = std::get_if<scheduler::RequestAnswered>(&event.body)) {
    rows_.answered[{answer->workspace, answer->key}] = {answer->request_digest, answer->entity,
                                                        event.sequence};
  }
}

void DurableLog::WriteRows(const storage::RowChanges& changes) {
  Put(rows_.jobs, changes.jobs, [](const auto& job) { return job.id; });
  for (const scheduler::Job& job : changes.jobs) {
    rows_.last_job_sequence = std::max(rows_.last_job_sequence, job.sequence);
  }
  Put(rows_.attempts, changes.attempts, [](const auto& attempt) { return attempt.id; });
  Put(rows_.nodes, changes.nodes, [](const auto& node) { return node.id; });
  for (const NodeId& id : changes.removed_nodes) rows_.nodes.erase(id);
  Put(rows_.pools, changes.pools, [](const auto& pool) { return pool.key; });
  for (const scheduler::PoolKey& key : changes.removed_pools) rows_.pools.erase(key);
  Put(rows_.datastores, changes.datastores, [](const auto& store) { return store.key; });
  Put(rows_.tokens, changes.tokens, [](const auto& token) { return token.id; });
  for (const TokenId& id : changes.removed_tokens) rows_.tokens.erase(id);
  rows_.workspaces.insert(changes.workspaces.begin(), changes.workspaces.end());
  if (!changes.server) return;
  rows_.epoch = changes.epoch;
  rows_.last_job_sequence = std::max(rows_.last_job_sequence, changes.last_job_sequence);
  rows_.leases_extended_until = changes.leases_extended_until;
}

void DurableLog::CompareTouched(const scheduler::Touched& touched) const {
  for (const JobId& id : touched.jobs) PromiseRow(rows_.jobs, fold_.jobs, id, "job");
  for (const AttemptId& id : touched.attempts) {
    PromiseRow(rows_.attempts, fold_.attempts, id, "attempt");
  }
  for (const NodeId& id : touched.nodes) PromiseRow(rows_.nodes, fold_.nodes, id, "node");
  for (const scheduler::PoolKey& key : touched.pools) {
    PromiseRow(rows_.pools, fold_.pools, key, "pool");
  }
}

scheduler::State DurableLog::Load() const {
  scheduler::State state;
  state.epoch = rows_.epoch;
  state.last_sequence = rows_.last_sequence;
  state.last_job_sequence = rows_.last_job_sequence;
  state.leases_extended_until = rows_.leases_extended_until;
  state.workspaces = rows_.workspaces;
  state.tokens = rows_.tokens;
  state.pools = rows_.pools;
  state.datastores = rows_.datastores;
  state.nodes = rows_.nodes;
  state.answered = rows_.answered;
  for (const auto& [id, attempt] : rows_.attempts) {
    const bool forgotten =
        attempt.phase == scheduler::AttemptPhase::kEnded && !scheduler::HoldsAnyNode(attempt);
    if (!forgotten) state.attempts.emplace(id, attempt);
  }
  for (const auto& [id, job] : rows_.jobs) {
    const auto first = state.attempts.lower_bound(AttemptId{id, 0});
    const bool holds = first != state.attempts.end() && first->first.job == id;
    if (!scheduler::IsTerminal(job.status) || holds) state.jobs.emplace(id, job);
  }
  scheduler::RebuildDerived(state);
  const std::string difference = Difference(state, fold_);
  Promise(difference.empty(), [&] {
    return "the rows are not the fold of the events: " + difference + " (first: rows)";
  });
  PromiseInvariants(state, "the loaded state");
  return state;
}

}  // namespace muster::sim
