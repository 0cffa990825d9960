#include "storage/sqlite/history.h"

#include <algorithm>
#include <utility>

#include "storage/codec/codec.h"
#include "storage/codec/values.h"
#include "storage/sqlite/connection.h"

namespace muster::storage {
namespace {

using scheduler::Event;

// The largest number that SQLite knows: no sequence is beyond it.
constexpr std::uint64_t kNoBound = static_cast<std::uint64_t>(INT64_MAX);

class SqliteHistory final : public History {
 public:
  explicit SqliteHistory(Connection connection) : connection_(std::move(connection)) {}

  Status Prepare();
  Result<std::optional<JobRecord>> GetJob(const WorkspaceName& workspace, const JobId& id) override;
  Result<JobPage> ListJobs(const JobFilter& filter, std::uint64_t before_sequence,
                           std::size_t limit, std::size_t max_examined) override;
  Result<std::vector<ExperimentSummary>> ListExperiments(const WorkspaceName& workspace,
                                                         const std::string& after,
                                                         std::size_t limit,
                                                         std::size_t max_examined) override;
  Result<std::vector<JobChange>> JobChanges(const WorkspaceName& workspace, const JobId& job,
                                            std::uint64_t after_sequence,
                                            std::size_t limit) override;
  Result<std::vector<Event>> Events(std::uint64_t after_sequence, std::size_t limit) override;

 private:
  Result<std::vector<scheduler::Attempt>> AttemptsOf(const JobId& id);
  Result<std::uint64_t> OldestToExamine(const WorkspaceName& workspace, std::uint64_t before,
                                        std::size_t max_examined);

  Connection connection_;
  std::optional<Statement> job_, attempts_, oldest_, changes_, changes_of_job_, events_;
};

Status SqliteHistory::Prepare() {
  const std::pair<std::optional<Statement>*, const char*> statements[] = {
      {&job_,
       "SELECT j.data, s.resolved, s.given FROM jobs j JOIN job_specs s ON "
       "s.job_sequence = j.sequence WHERE j.job_id = ?1 AND j.workspace = ?2"},
      {&attempts_, "SELECT data FROM attempts WHERE job_id = ?1 ORDER BY number"},
      {&oldest_,
       "SELECT sequence FROM jobs INDEXED BY jobs_by_workspace WHERE workspace = ?1 AND "
       "sequence < ?2 ORDER BY sequence DESC LIMIT 1 OFFSET ?3"},
      {&changes_,
       "SELECT sequence, time_us, attempt, data FROM events WHERE sequence > ?1 AND workspace = ?2 "
       "AND kind IN (3, 4) ORDER BY sequence LIMIT ?3"},
      {&changes_of_job_,
       "SELECT sequence, time_us, attempt, data FROM events INDEXED BY events_of_status WHERE "
       "job_id = ?4 AND sequence > ?1 AND workspace = ?2 AND kind IN (3, 4) ORDER BY sequence "
       "LIMIT ?3"},
      {&events_,
       "SELECT e.sequence, e.time_us, e.data, s.resolved, s.given FROM "
       "events e LEFT JOIN jobs j ON e.kind = 3 AND j.job_id = e.job_id LEFT JOIN job_specs s ON "
       "s.job_sequence = j.sequence WHERE e.sequence > ?1 ORDER BY e.sequence LIMIT ?2"},
  };
  for (const auto& [statement, sql] : statements) {
    MUSTER_ASSIGN(*statement, connection_.Prepare(sql));
  }
  return {};
}

Result<std::vector<scheduler::Attempt>> SqliteHistory::AttemptsOf(const JobId& id) {
  std::vector<scheduler::Attempt> attempts;
  attempts_->BindText(1, id.str());
  while (true) {
    MUSTER_ASSIGN(const bool row, attempts_->Step());
    if (!row) return attempts;
    Result<scheduler::Attempt> attempt = DecodeAttempt(attempts_->Bytes(0));
    if (!attempt) {
      attempts_->Reset();
      return Fail(std::move(attempt).error());
    }
    attempts.push_back(std::move(*attempt));
  }
}

Result<std::optional<JobRecord>> SqliteHistory::GetJob(const WorkspaceName& workspace,
                                                       const JobId& id) {
  MUSTER_ASSIGN(Transaction transaction, Transaction::Begin(connection_, Transaction::Kind::kRead));
  job_->BindText(1, id.str()).BindText(2, workspace.str());
  MUSTER_ASSIGN(const bool found, job_->Step());
  if (!found) return std::nullopt;
  Result<scheduler::Job> job = DecodeJob(job_->Bytes(0));
  JobRecord record;
  record.resolved_spec = std::string(job_->Bytes(1));
  record.given_spec = std::string(job_->Bytes(job_->IsNull(2) ? 1 : 2));
  job_->Reset();
  if (!job) return Fail(std::move(job).error());
  record.job = std::move(*job);
  record.job.spec = std::make_shared<const std::string>(record.resolved_spec);
  MUSTER_ASSIGN(record.attempts, AttemptsOf(id));
  MUSTER_TRY(transaction.Commit());
  return record;
}

// Statements vary with the filter; statuses are numbers of ours, everything else is bound.
std::string ListSql(const JobFilter& filter) {
  std::string sql =
      "SELECT data FROM jobs INDEXED BY jobs_by_workspace WHERE workspace = ?1 AND sequence < ?2 "
      "AND sequence >= ?7";
  if (!filter.experiment.empty()) sql += " AND experiment = ?4";
  if (!filter.user.empty()) sql += " AND user = ?5";
  if (!filter.pool.empty()) sql += " AND pool = ?6";
  if (!filter.statuses.empty()) {
    sql += " AND status IN (";
    for (const scheduler::JobStatus status : filter.statuses) {
      sql += std::to_string(Number(status)) + ",";
    }
    sql.back() = ')';
  }
  return sql + " ORDER BY sequence DESC LIMIT ?3";
}

// 0: there are not as many. Reads the index alone.
Result<std::uint64_t> SqliteHistory::OldestToExamine(const WorkspaceName& workspace,
                                                     std::uint64_t before,
                                                     std::size_t max_examined) {
  oldest_->BindText(1, workspace.str()).Bind(2, before).Bind(3, std::uint64_t{max_examined - 1});
  MUSTER_ASSIGN(const bool found, oldest_->Step());
  const std::uint64_t oldest = found ? oldest_->Unsigned(0) : 0;
  if (found) oldest_->Reset();
  return oldest;
}

Result<JobPage> SqliteHistory::ListJobs(const JobFilter& filter, std::uint64_t before_sequence,
                                        std::size_t limit, std::size_t max_examined) {
  const std::uint64_t before =
      before_sequence == 0 ? kNoBound : std::min(before_sequence, kNoBound);
  MUSTER_ASSIGN(const std::uint64_t oldest,
                OldestToExamine(filter.workspace, before, max_examined));
  MUSTER_ASSIGN(Statement statement, connection_.Prepare(ListSql(filter)));
  statement.BindText(1, filter.workspace.str())
      .Bind(2, before)
      .Bind(3, std::uint64_t{limit})
      .Bind(7, oldest);
  if (!filter.experiment.empty()) statement.BindText(4, filter.experiment);
  if (!filter.user.empty()) statement.BindText(5, filter.user.str());
  if (!filter.pool.empty()) statement.BindText(6, filter.pool.str());
  JobPage page;
  while (true) {
    MUSTER_ASSIGN(const bool row, statement.Step());
    if (!row) break;
    MUSTER_ASSIGN(page.records.emplace_back().job, DecodeJob(statement.Bytes(0)));
  }
  const bool full = page.records.size() == limit;
  page.next_before = full ? page.records.back().job.sequence : oldest;
  return page;
}

Result<std::vector<ExperimentSummary>> SqliteHistory::ListExperiments(
    const WorkspaceName& workspace, const std::string& after, std::size_t limit,
    std::size_t max_examined) {
  MUSTER_ASSIGN(const std::uint64_t oldest, OldestToExamine(workspace, kNoBound, max_examined));
  // Beside MAX() a bare column is that of the row which has the maximum.
  MUSTER_ASSIGN(Statement statement,
                connection_.Prepare(
                    "SELECT experiment, COUNT(*), MAX(sequence), data FROM jobs INDEXED BY "
                    "jobs_by_workspace WHERE workspace = ?1 AND sequence >= ?2 AND experiment > ?3 "
                    "GROUP BY experiment ORDER BY experiment LIMIT ?4"));
  statement.BindText(1, workspace.str())
      .Bind(2, oldest)
      .BindText(3, after)
      .Bind(4, std::uint64_t{limit});
  std::vector<ExperimentSummary> experiments;
  while (true) {
    MUSTER_ASSIGN(const bool row, statement.Step());
    if (!row) return experiments;
    MUSTER_ASSIGN(const scheduler::Job newest, DecodeJob(statement.Bytes(3)));
    experiments.push_back(
        {std::string(statement.Text(0)), statement.Unsigned(1), newest.submitted});
  }
}

Result<JobChange> ToChange(const Statement& row) {
  MUSTER_ASSIGN(Event event,
                DecodeEvent(row.Unsigned(0), FromMicros(row.Integer(1)), row.Bytes(3)));
  JobChange change;
  change.sequence = event.sequence;
  change.time = event.time;
  change.attempt = static_cast<std::uint32_t>(row.Integer(2));
  if (const auto* submitted = std::get_if<scheduler::JobSubmitted>(&event.body)) {
    change.job = submitted->id;
    change.status = scheduler::JobStatus::kQueued;
  } else if (auto* changed = std::get_if<scheduler::JobStatusChanged>(&event.body)) {
    change.job = changed->job;
    change.status = changed->status;
    change.cause = std::move(changed->cause);
  } else {
    return Fail(Corrupt("event " + std::to_string(event.sequence) + " is not of its kind"));
  }
  return change;
}

Result<std::vector<JobChange>> SqliteHistory::JobChanges(const WorkspaceName& workspace,
                                                         const JobId& job,
                                                         std::uint64_t after_sequence,
                                                         std::size_t limit) {
  Statement& statement = job.empty() ? *changes_ : *changes_of_job_;
  statement.Bind(1, std::min(after_sequence, kNoBound))
      .BindText(2, workspace.str())
      .Bind(3, std::uint64_t{limit});
  if (!job.empty()) statement.BindText(4, job.str());
  std::vector<JobChange> changes;
  while (true) {
    MUSTER_ASSIGN(const bool row, statement.Step());
    if (!row) return changes;
    Result<JobChange> change = ToChange(statement);
    if (!change) {
      statement.Reset();
      return Fail(std::move(change).error());
    }
    changes.push_back(std::move(*change));
  }
}

Result<std::vector<Event>> SqliteHistory::Events(std::uint64_t after_sequence, std::size_t limit) {
  events_->Bind(1, after_sequence).Bind(2, std::uint64_t{limit});
  std::vector<Event> events;
  while (true) {
    MUSTER_ASSIGN(const bool row, events_->Step());
    if (!row) return events;
    Result<Event> event =
        DecodeEvent(events_->Unsigned(0), FromMicros(events_->Integer(1)), events_->Bytes(2));
    if (!event) {
      events_->Reset();
      return Fail(std::move(event).error());
    }
    if (auto* submitted = std::get_if<scheduler::JobSubmitted>(&event->body)) {
      submitted->resolved_spec = std::make_shared<const std::string>(events_->Bytes(3));
      submitted->given_spec = std::string(events_->Bytes(events_->IsNull(4) ? 3 : 4));
    }
    events.push_back(std::move(*event));
  }
}

}  // namespace

Result<std::unique_ptr<History>> OpenSqliteHistory(const std::string& path) {
  MUSTER_ASSIGN(Connection connection, Connection::Open(path, Connection::Mode::kReadOnly));
  MUSTER_TRY(connection.Execute("PRAGMA query_only = ON; PRAGMA cache_size = -16384"));
  auto history = std::make_unique<SqliteHistory>(std::move(connection));
  MUSTER_TRY(history->Prepare());
  return history;
}

}  // namespace muster::storage
