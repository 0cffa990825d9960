#include "storage/tracking/schema.h"

#include <array>

namespace muster::storage {
namespace {

// "Mutr", in the file's header.
constexpr std::int64_t kTrackingApplicationId = 0x4d757472;

// Clients choose the ids of runs, so a run is known by workspace and id; elsewhere `run` is its
// sequence, which stands for both. Of jobs there is a row from the first change of their record on;
// they are listed from state.db. The blob `data` is a message of muster/stored/v1/tracking.proto.
constexpr const char* kTrackingVersion1 = R"sql(
CREATE TABLE runs (
  sequence INTEGER PRIMARY KEY,
  workspace TEXT NOT NULL,
  run_id TEXT NOT NULL,
  kind INTEGER NOT NULL,
  experiment TEXT NOT NULL,
  parent_id TEXT NOT NULL,
  user TEXT NOT NULL,
  metric_names INTEGER NOT NULL,
  metric_values INTEGER NOT NULL,
  data BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX runs_by_id ON runs (workspace, run_id);
CREATE INDEX runs_by_workspace ON runs (workspace, sequence) WHERE kind <> 1;
CREATE INDEX runs_by_experiment ON runs (workspace, experiment, sequence) WHERE kind <> 1;
CREATE INDEX runs_by_parent ON runs (workspace, parent_id, sequence) WHERE kind <> 1;
CREATE INDEX runs_by_both ON runs (workspace, parent_id, experiment, sequence) WHERE kind <> 1;

-- number: from 1, in the order in which the names of a run first came. count: values of the name.
CREATE TABLE metric_names (
  run INTEGER NOT NULL, name TEXT NOT NULL, number INTEGER NOT NULL, count INTEGER NOT NULL,
  PRIMARY KEY (run, name)
) STRICT, WITHOUT ROWID;

-- name: its number. position: of the value among those of its name, from 1, in order of arrival.
CREATE TABLE metrics (
  run INTEGER NOT NULL, name INTEGER NOT NULL, position INTEGER NOT NULL, data BLOB NOT NULL,
  PRIMARY KEY (run, name, position)
) STRICT, WITHOUT ROWID;

-- next: number of the first value of this writer that is not here.
CREATE TABLE metric_writers (
  run INTEGER NOT NULL, writer TEXT NOT NULL, next INTEGER NOT NULL, PRIMARY KEY (run, writer)
) STRICT, WITHOUT ROWID;

CREATE TABLE answered_requests (
  sequence INTEGER PRIMARY KEY, workspace TEXT NOT NULL, key TEXT NOT NULL, request_digest BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX answered_requests_by_key ON answered_requests (workspace, key);
)sql";

// How far the files were read in which scripts of a job (`run`) spool their lines. next: byte
// behind the last line that is here or was refused.
constexpr const char* kTrackingVersion2 = R"sql(
CREATE TABLE spool_files (
  run INTEGER NOT NULL, writer TEXT NOT NULL, next INTEGER NOT NULL, script_failure TEXT,
  PRIMARY KEY (run, writer)
) STRICT, WITHOUT ROWID;
)sql";

constexpr std::array kTrackingMigrations = {Migration{0, kTrackingVersion1},
                                            Migration{1, kTrackingVersion2}};

}  // namespace

const Schema& TrackingSchema() {
  static constexpr Schema kSchema{kTrackingApplicationId, kTrackingMigrations};
  return kSchema;
}

}  // namespace muster::storage
