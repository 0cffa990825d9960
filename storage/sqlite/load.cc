#include "storage/sqlite/load.h"

#include <algorithm>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "scheduler/model/apply.h"
#include "scheduler/model/derived.h"
#include "storage/codec/codec.h"
#include "storage/codec/values.h"
#include "storage/sqlite/inspect.h"

namespace muster::storage {
namespace {

using scheduler::State;

// Calls `take(statement)` for each row; stops at the first error.
template <class Take>
Status ForEach(Statement& statement, Take take) {
  while (true) {
    MUSTER_ASSIGN(const bool row, statement.Step());
    if (!row) return {};
    if (Status status = take(statement); !status) {
      statement.Reset();
      return status;
    }
  }
}

template <class Take>
Status ForEach(Connection& connection, std::string_view sql, Take take) {
  MUSTER_ASSIGN(Statement statement, connection.Prepare(sql));
  return ForEach(statement, take);
}

// Gives equal names of many rows one text.
template <class Id>
class Shared {
 public:
  Id Of(const Id& id) { return *seen_.insert(id).first; }

 private:
  std::set<Id> seen_;
};

class Loader {
 public:
  explicit Loader(Connection& connection) : connection_(connection) {}

  Result<State> Load();

 private:
  Status LoadServer();
  Status LoadNames();
  Status LoadNodes();
  Status LoadLiveJobs();
  Status LoadAttempts();
  Status LoadEndedJob(const JobId& id);
  Status LoadAnswers();
  Status AddJob(const Statement& row, bool hinted);
  Status AddAnswer(const Statement& row);
  Status CheckReferences() const;
  void ForgetWhatHoldsNothing();

  Connection& connection_;
  State state_;
  Shared<WorkspaceName> workspaces_;
  Shared<PoolName> pools_;
  Shared<UserName> users_;
  std::vector<AttemptId> current_attempts_;       // of live jobs
  std::vector<std::uint64_t> request_sequences_;  // of live jobs' submissions
};

Result<State> Loader::Load() {
  MUSTER_ASSIGN(Transaction transaction, Transaction::Begin(connection_, Transaction::Kind::kRead));
  MUSTER_TRY(LoadServer());
  MUSTER_TRY(LoadNames());
  MUSTER_TRY(LoadNodes());
  MUSTER_TRY(LoadLiveJobs());
  MUSTER_TRY(LoadAttempts());
  MUSTER_TRY(LoadAnswers());
  MUSTER_TRY(CheckReferences());
  MUSTER_TRY(transaction.Commit());
  scheduler::RebuildDerived(state_);
  ForgetWhatHoldsNothing();
  return std::move(state_);
}

Status Loader::LoadServer() {
  MUSTER_ASSIGN(Statement statement,
                connection_.Prepare("SELECT epoch, last_job_sequence, leases_extended_until_us, "
                                    "(SELECT max(sequence) FROM events), "
                                    "(SELECT max(sequence) FROM jobs) FROM server"));
  MUSTER_ASSIGN(const bool row, statement.Step());
  if (!row) return Fail(Corrupt("the table server is empty"));
  state_.epoch = statement.Unsigned(0);
  state_.last_job_sequence = std::max(statement.Unsigned(1), statement.Unsigned(4));
  if (!statement.IsNull(2)) state_.leases_extended_until = FromMicros(statement.Integer(2));
  state_.last_sequence = statement.Unsigned(3);
  return {};
}

Status Loader::LoadNames() {
  MUSTER_TRY(ForEach(connection_, "SELECT name FROM workspaces", [this](Statement& row) -> Status {
    state_.workspaces.emplace(std::string(row.Text(0)));
    return {};
  }));
  MUSTER_TRY(ForEach(connection_, "SELECT data FROM tokens", [this](Statement& row) -> Status {
    MUSTER_ASSIGN(scheduler::Token token, DecodeToken(row.Bytes(0)));
    TokenId id = token.id;
    state_.tokens.insert_or_assign(std::move(id), std::move(token));
    return {};
  }));
  MUSTER_TRY(ForEach(connection_, "SELECT data FROM pools", [this](Statement& row) -> Status {
    MUSTER_ASSIGN(scheduler::Pool pool, DecodePool(row.Bytes(0)));
    scheduler::PoolKey key = pool.key;
    state_.pools.insert_or_assign(std::move(key), std::move(pool));
    return {};
  }));
  return ForEach(connection_, "SELECT data FROM datastores", [this](Statement& row) -> Status {
    MUSTER_ASSIGN(scheduler::Datastore datastore, DecodeDatastore(row.Bytes(0)));
    scheduler::DatastoreKey key = datastore.key;
    state_.datastores.insert_or_assign(std::move(key), std::move(datastore));
    return {};
  });
}

Status Loader::LoadNodes() {
  return ForEach(connection_, "SELECT data FROM nodes", [this](Statement& row) -> Status {
    MUSTER_ASSIGN(scheduler::Node node, DecodeNode(row.Bytes(0)));
    NodeId id = node.id;
    state_.nodes.insert_or_assign(std::move(id), std::move(node));
    return {};
  });
}

// Columns: data, resolved, request_sequence.
Status Loader::AddJob(const Statement& row, bool hinted) {
  MUSTER_ASSIGN(scheduler::Job job, DecodeJob(row.Bytes(0)));
  job.workspace = workspaces_.Of(job.workspace);
  job.requirements.pool = pools_.Of(job.requirements.pool);
  job.user = users_.Of(job.user);
  job.spec = std::make_shared<const std::string>(row.Bytes(1));
  if (!scheduler::IsTerminal(job.status)) {
    if (job.attempt_count > 0) current_attempts_.push_back(AttemptId{job.id, job.attempt_count});
    if (!row.IsNull(2)) request_sequences_.push_back(row.Unsigned(2));
  }
  JobId id = job.id;
  auto& jobs = state_.jobs;
  // Ids of one experiment grow with time: most go to the end.
  jobs.emplace_hint(hinted ? jobs.end() : jobs.begin(), std::move(id), std::move(job));
  return {};
}

Status Loader::LoadLiveJobs() {
  return ForEach(connection_,
                 "SELECT j.data, s.resolved, s.request_sequence FROM jobs j INDEXED BY jobs_live "
                 "JOIN job_specs s ON s.job_sequence = j.sequence WHERE j.live = 1 "
                 "ORDER BY j.sequence",
                 [this](Statement& row) { return AddJob(row, true); });
}

Status Loader::LoadEndedJob(const JobId& id) {
  MUSTER_ASSIGN(
      Statement statement,
      connection_.Prepare("SELECT j.data, s.resolved, s.request_sequence FROM jobs j JOIN "
                          "job_specs s ON s.job_sequence = j.sequence WHERE j.job_id = ?"));
  statement.BindText(1, id.str());
  return ForEach(statement, [this](Statement& row) { return AddJob(row, false); });
}

Status Loader::LoadAttempts() {
  const auto add = [this](Statement& row) -> Status {
    MUSTER_ASSIGN(scheduler::Attempt attempt, DecodeAttempt(row.Bytes(0)));
    AttemptId id = attempt.id;
    state_.attempts.insert_or_assign(std::move(id), std::move(attempt));
    return {};
  };
  MUSTER_TRY(ForEach(connection_,
                     "SELECT data FROM attempts INDEXED BY attempts_holding WHERE holds = 1", add));
  MUSTER_ASSIGN(Statement one,
                connection_.Prepare("SELECT data FROM attempts WHERE job_id = ? AND number = ?"));
  for (const AttemptId& id : current_attempts_) {
    one.BindText(1, id.job.str()).Bind(2, std::int64_t{id.number});
    MUSTER_TRY(ForEach(one, add));
    if (!state_.attempts.contains(id)) {
      return Fail(Corrupt("the row of attempt " + ToString(id) + " is missing"));
    }
  }
  for (const auto& [id, attempt] : state_.attempts) {
    if (!state_.jobs.contains(id.job)) MUSTER_TRY(LoadEndedJob(id.job));
  }
  return {};
}

// Columns: sequence, workspace, key, request_digest, entity. Newest first: a key that was answered
// again after it had been forgotten keeps its newest answer.
Status Loader::AddAnswer(const Statement& row) {
  scheduler::AnsweredRequest answer{{}, std::string(row.Text(4)), row.Unsigned(0)};
  MUSTER_TRY(DecodeDigest(row.Bytes(3), answer.request_digest));
  scheduler::RequestKey key{workspaces_.Of(WorkspaceName(std::string(row.Text(1)))),
                            std::string(row.Text(2))};
  state_.answered.try_emplace(std::move(key), std::move(answer));
  return {};
}

Status Loader::LoadAnswers() {
  std::uint64_t oldest = 0;
  MUSTER_ASSIGN(Statement newest,
                connection_.Prepare("SELECT sequence, workspace, key, request_digest, entity FROM "
                                    "answered_requests ORDER BY sequence DESC LIMIT ?"));
  // Those of live jobs do not count towards the bound.
  newest.Bind(1, std::uint64_t{scheduler::kRememberedRequests + request_sequences_.size()});
  MUSTER_TRY(ForEach(newest, [this, &oldest](Statement& row) {
    oldest = row.Unsigned(0);
    return AddAnswer(row);
  }));
  MUSTER_ASSIGN(Statement one,
                connection_.Prepare("SELECT sequence, workspace, key, request_digest, entity FROM "
                                    "answered_requests WHERE sequence = ?"));
  for (const std::uint64_t sequence : request_sequences_) {
    if (sequence >= oldest) continue;
    one.Bind(1, sequence);
    MUSTER_TRY(ForEach(one, [this](Statement& row) { return AddAnswer(row); }));
  }
  return {};
}

// What RebuildDerived would abort at.
Status Loader::CheckReferences() const {
  for (const auto& [id, job] : state_.jobs) {
    if (!state_.pools.contains({job.workspace, job.requirements.pool})) {
      return Fail(Corrupt("job " + id.str() + " names a pool that is not there"));
    }
  }
  for (const auto& [id, attempt] : state_.attempts) {
    if (!state_.jobs.contains(id.job)) {
      return Fail(Corrupt("attempt " + ToString(id) + " belongs to no job"));
    }
    for (const scheduler::AttemptNode& member : attempt.nodes) {
      if (member.phase == scheduler::NodePhase::kFinished) continue;
      if (!state_.nodes.contains(member.node)) {
        return Fail(Corrupt("attempt " + ToString(id) + " holds a node that is not there"));
      }
    }
  }
  for (const auto& [id, node] : state_.nodes) {
    if (!state_.pools.contains(node.pool)) {
      return Fail(Corrupt("node " + id.str() + " names a pool that is not there"));
    }
  }
  return {};
}

// The rows loaded are a superset: an attempt counts as holding until each of its nodes has
// finished.
void Loader::ForgetWhatHoldsNothing() {
  scheduler::Touched all;
  for (const auto& [id, attempt] : state_.attempts) {
    all.attempts.insert(id);
    all.jobs.insert(id.job);
  }
  scheduler::Prune(state_, all);
}

}  // namespace

Result<State> LoadState(Connection& connection) {
  // Mapped reads save a system call and a copy for each page, of which a boot reads most.
  MUSTER_TRY(connection.Execute("PRAGMA mmap_size = 2147418112"));
  Result<State> state = Loader(connection).Load();
  MUSTER_TRY(connection.Execute("PRAGMA mmap_size = 0"));
  if (!state) return Fail(WithRestoreHint(std::move(state).error()));
  return state;
}

}  // namespace muster::storage
