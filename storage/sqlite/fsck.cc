#include "storage/sqlite/fsck.h"

#include <map>
#include <memory>
#include <set>
#include <utility>

#include "scheduler/model/apply.h"
#include "storage/codec/codec.h"

namespace muster::storage {
namespace {

using scheduler::State;

constexpr std::size_t kMaxDifferences = 1'000;

class Comparison {
 public:
  explicit Comparison(Connection& connection) : connection_(connection) {}

  Result<std::vector<std::string>> Run();

 private:
  // False: an event is missing, so that there is nothing to compare with.
  Result<bool> Fold();
  Status CompareServer();
  Status CompareWorkspaces();
  Status CompareAnswers();
  Status CompareSpecs();
  // Each row of `table`, decoded and encoded anew, against the entity of the fold. The maps are by
  // the same key as the text that `key_of` makes.
  template <class Map, class Decode, class Encode, class KeyOf>
  Status CompareTable(const char* table, const Map& folded, Decode decode, Encode encode,
                      KeyOf key_of);
  void Differs(std::string sentence) {
    if (differences_.size() < kMaxDifferences) differences_.push_back(std::move(sentence));
  }

  Connection& connection_;
  State state_;
  std::vector<std::string> differences_;
};

Result<std::vector<std::string>> Comparison::Run() {
  MUSTER_ASSIGN(Transaction transaction, Transaction::Begin(connection_, Transaction::Kind::kRead));
  MUSTER_ASSIGN(const bool whole, Fold());
  if (!whole) return std::move(differences_);
  MUSTER_TRY(CompareServer());
  MUSTER_TRY(CompareWorkspaces());
  MUSTER_TRY(CompareTable("tokens", state_.tokens, DecodeToken, EncodeToken,
                          [](const auto& token) { return token.id.str(); }));
  MUSTER_TRY(CompareTable("pools", state_.pools, DecodePool, EncodePool, [](const auto& pool) {
    return pool.key.workspace.str() + "/" + pool.key.name.str();
  }));
  MUSTER_TRY(CompareTable(
      "datastores", state_.datastores, DecodeDatastore, EncodeDatastore,
      [](const auto& store) { return store.key.workspace.str() + "/" + store.key.name.str(); }));
  MUSTER_TRY(CompareTable("nodes", state_.nodes, DecodeNode, EncodeNode,
                          [](const auto& node) { return node.id.str(); }));
  MUSTER_TRY(CompareTable("jobs", state_.jobs, DecodeJob, EncodeJob,
                          [](const auto& job) { return job.id.str(); }));
  MUSTER_TRY(CompareTable("attempts", state_.attempts, DecodeAttempt, EncodeAttempt,
                          [](const auto& attempt) { return ToString(attempt.id); }));
  MUSTER_TRY(CompareAnswers());
  MUSTER_TRY(CompareSpecs());
  MUSTER_TRY(transaction.Commit());
  return std::move(differences_);
}

// Without Prune: ended jobs have rows too.
Result<bool> Comparison::Fold() {
  static const auto kSpecIsElsewhere = std::make_shared<const std::string>();
  MUSTER_ASSIGN(
      Statement events,
      connection_.Prepare("SELECT sequence, time_us, data FROM events ORDER BY sequence"));
  scheduler::Touched touched;
  while (true) {
    MUSTER_ASSIGN(const bool row, events.Step());
    if (!row) return true;
    const std::uint64_t sequence = events.Unsigned(0);
    if (sequence != state_.last_sequence + 1) {
      Differs("events: " + std::to_string(state_.last_sequence + 1) + " to " +
              std::to_string(sequence - 1) + " are missing");
      return false;
    }
    MUSTER_ASSIGN(scheduler::Event event,
                  DecodeEvent(sequence, FromMicros(events.Integer(1)), events.Bytes(2)));
    if (auto* submitted = std::get_if<scheduler::JobSubmitted>(&event.body)) {
      submitted->resolved_spec = kSpecIsElsewhere;
    }
    scheduler::Apply(state_, event, touched);
    touched = {};
  }
}

Status Comparison::CompareServer() {
  MUSTER_ASSIGN(
      Statement row,
      connection_.Prepare("SELECT epoch, last_job_sequence, leases_extended_until_us FROM server"));
  MUSTER_ASSIGN(const bool found, row.Step());
  if (!found) {
    Differs("the row of the server is missing");
    return {};
  }
  if (row.Unsigned(0) != state_.epoch) Differs("server: the epoch differs from its events");
  if (row.Unsigned(1) > state_.last_job_sequence) {
    Differs("server: the last job sequence is ahead of the events");
  }
  const auto& until = state_.leases_extended_until;
  if (row.IsNull(2) == until.has_value() || (until && row.Integer(2) != ToMicros(*until))) {
    Differs("server: the extension of leases differs from its events");
  }
  return {};
}

Status Comparison::CompareWorkspaces() {
  MUSTER_ASSIGN(Statement rows, connection_.Prepare("SELECT name FROM workspaces"));
  std::set<WorkspaceName> missing = state_.workspaces;
  while (true) {
    MUSTER_ASSIGN(const bool row, rows.Step());
    if (!row) break;
    if (const WorkspaceName name{std::string(rows.Text(0))}; missing.erase(name) == 0) {
      Differs("workspaces: " + name.str() + " has a row but no event made it");
    }
  }
  for (const WorkspaceName& name : missing) Differs("workspaces: " + name.str() + " has no row");
  return {};
}

template <class Map, class Decode, class Encode, class KeyOf>
Status Comparison::CompareTable(const char* table, const Map& folded, Decode decode, Encode encode,
                                KeyOf key_of) {
  std::map<std::string, const typename Map::mapped_type*> missing;
  for (const auto& [key, entity] : folded) missing.emplace(key_of(entity), &entity);
  const std::string name(table);
  MUSTER_ASSIGN(Statement rows, connection_.Prepare("SELECT data FROM " + name));
  while (true) {
    MUSTER_ASSIGN(const bool row, rows.Step());
    if (!row) break;
    auto decoded = decode(rows.Bytes(0));
    if (!decoded) {
      Differs(name + ": " + decoded.error().message);
      continue;
    }
    const std::string key = key_of(*decoded);
    const auto found = missing.find(key);
    if (found == missing.end()) {
      Differs(name + ": " + key + " has a row but no event made it");
      continue;
    }
    if (encode(*decoded) != encode(*found->second)) {
      Differs(name + ": the row of " + key + " differs from its events");
    }
    missing.erase(found);
  }
  for (const auto& [key, entity] : missing) Differs(name + ": " + key + " has no row");
  return {};
}

Status Comparison::CompareAnswers() {
  MUSTER_ASSIGN(Statement row, connection_.Prepare("SELECT key, request_digest, entity FROM "
                                                   "answered_requests WHERE sequence = ?"));
  for (const auto& [key, answer] : state_.answered) {
    row.Bind(1, answer.sequence);
    MUSTER_ASSIGN(const bool found, row.Step());
    const auto digest = answer.request_digest.bytes();
    if (!found) {
      Differs("answered_requests: the answer to " + key.key + " has no row");
    } else if (row.Text(0) != key.key || row.Text(2) != answer.entity ||
               row.Bytes(1) != std::string(digest.begin(), digest.end())) {
      Differs("answered_requests: the row of " + key.key + " differs from its event");
    }
    row.Reset();
  }
  return {};
}

Status Comparison::CompareSpecs() {
  MUSTER_ASSIGN(Statement rows,
                connection_.Prepare("SELECT job_id FROM jobs WHERE sequence NOT IN (SELECT "
                                    "job_sequence FROM job_specs)"));
  while (true) {
    MUSTER_ASSIGN(const bool row, rows.Step());
    if (!row) return {};
    Differs("job_specs: job " + std::string(rows.Text(0)) + " has no specs");
  }
}

}  // namespace

Result<std::vector<std::string>> CompareEventsWithRows(Connection& connection) {
  return Comparison(connection).Run();
}

}  // namespace muster::storage
