#include "storage/sqlite/schema.h"

#include <array>

namespace muster::storage {
namespace {

// Everything has a workspace; what has globally unique ids (jobs, nodes, tokens) is keyed by those.
// The blob `data` is a message of muster/stored/v1; the other columns repeat what is searched by.
// A job's rowid is its place in submission order: rows are only ever added at the end.
constexpr const char* kVersion1 = R"sql(
CREATE TABLE server (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  epoch INTEGER NOT NULL,
  last_job_sequence INTEGER NOT NULL,
  leases_extended_until_us INTEGER
) STRICT;
INSERT INTO server VALUES (1, 0, 0, NULL);

CREATE TABLE workspaces (name TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;

CREATE TABLE tokens (
  token_id TEXT PRIMARY KEY, workspace TEXT NOT NULL, data BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE pools (
  workspace TEXT NOT NULL, name TEXT NOT NULL, data BLOB NOT NULL, PRIMARY KEY (workspace, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE datastores (
  workspace TEXT NOT NULL, name TEXT NOT NULL, data BLOB NOT NULL, PRIMARY KEY (workspace, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE nodes (
  node_id TEXT PRIMARY KEY, workspace TEXT NOT NULL, pool TEXT NOT NULL, data BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE jobs (
  sequence INTEGER PRIMARY KEY,
  workspace TEXT NOT NULL,
  job_id TEXT NOT NULL,
  experiment TEXT NOT NULL,
  user TEXT NOT NULL,
  pool TEXT NOT NULL,
  status INTEGER NOT NULL,
  live INTEGER NOT NULL,
  data BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX jobs_by_id ON jobs (job_id);
CREATE INDEX jobs_by_workspace ON jobs (workspace, sequence);
CREATE INDEX jobs_live ON jobs (sequence) WHERE live = 1;

-- Written once, when the job is submitted. `given` is null when it is the same as `resolved`.
-- request_sequence: of the event that answered the submission.
CREATE TABLE job_specs (
  job_sequence INTEGER PRIMARY KEY,
  workspace TEXT NOT NULL,
  request_sequence INTEGER,
  resolved BLOB NOT NULL,
  given BLOB
) STRICT;

-- holds: a node has not let go of it yet.
CREATE TABLE attempts (
  job_id TEXT NOT NULL,
  number INTEGER NOT NULL,
  workspace TEXT NOT NULL,
  holds INTEGER NOT NULL,
  data BLOB NOT NULL,
  PRIMARY KEY (job_id, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX attempts_holding ON attempts (job_id, number) WHERE holds = 1;

CREATE TABLE answered_requests (
  sequence INTEGER PRIMARY KEY,
  workspace TEXT NOT NULL,
  key TEXT NOT NULL,
  request_digest BLOB NOT NULL,
  entity TEXT NOT NULL
) STRICT;

-- attempt: number of the job's newest attempt after the event; of job_submitted and job_status_changed.
CREATE TABLE events (
  sequence INTEGER PRIMARY KEY,
  time_us INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  workspace TEXT,
  job_id TEXT,
  attempt INTEGER,
  data BLOB NOT NULL
) STRICT;
-- Kinds job_submitted and job_status_changed.
CREATE INDEX events_of_status ON events (job_id, sequence) WHERE kind IN (3, 4);
)sql";

constexpr std::array kMigrations = {Migration{0, kVersion1}};
static_assert(kMigrations.size() == kSchemaVersion);

}  // namespace

Status Migrate(Connection& connection, const Migration* steps, std::size_t count) {
  MUSTER_ASSIGN(std::int64_t version, connection.QueryInteger("PRAGMA user_version"));
  for (std::size_t i = 0; i < count; ++i) {
    if (steps[i].from != version) continue;
    MUSTER_ASSIGN(Transaction transaction,
                  Transaction::Begin(connection, Transaction::Kind::kWrite));
    MUSTER_TRY(connection.Execute(steps[i].sql));
    ++version;
    MUSTER_TRY(connection.Execute(("PRAGMA user_version = " + std::to_string(version)).c_str()));
    MUSTER_TRY(transaction.Commit());
  }
  return {};
}

const Schema& StateSchema() {
  static constexpr Schema kSchema{kApplicationId, kMigrations};
  return kSchema;
}

Status Migrate(Connection& connection, const Schema& schema) {
  return Migrate(connection, schema.steps.data(), schema.steps.size());
}

Status CheckSchemaVersion(std::int64_t version, const Schema& schema) {
  const auto newest = static_cast<std::int64_t>(schema.steps.size());
  if (version <= newest) return {};
  return Fail(ErrorCode::kFailedPrecondition, ErrorReason::kSchemaTooNew,
              "the state database has schema version " + std::to_string(version) +
                  ", this musterd knows up to " + std::to_string(newest) +
                  ": start the newer musterd that wrote it, or restore a backup from before the "
                  "upgrade (docs/operations.md#restore-the-state-database)");
}

}  // namespace muster::storage
