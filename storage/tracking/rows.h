// The statements of tracking.db's writer. Belongs to its thread; used inside its transaction.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "base/digest.h"
#include "base/result.h"
#include "storage/sqlite/connection.h"
#include "storage/tracking/record.h"

namespace muster::storage {

// Columns of a whole run, in the order that ReadRunRow takes them.
inline constexpr std::string_view kRunColumns =
    "sequence, workspace, run_id, kind, experiment, parent_id, user, metric_names, metric_values, "
    "data";
Result<TrackedRun> ReadRunRow(const Statement& row);

// How far the spool of a job's script has been read.
struct SpoolFile {
  std::uint64_t next = 0;                     // bytes
  std::optional<std::string> script_failure;  // what it has said of the job's failure
};

struct MetricName {
  std::uint64_t number = 0;  // 0: not there yet
  std::uint64_t count = 0;
};

class TrackingRows {
 public:
  static Result<std::unique_ptr<TrackingRows>> Prepare(Connection& connection);

  Result<std::optional<TrackedRun>> FindRun(const WorkspaceName& workspace, const RunId& id);
  // Sets its sequence.
  Status InsertRun(TrackedRun& run);
  Status SaveRun(const TrackedRun& run);
  // metric_names and metric_values alone.
  Status SaveCounts(const TrackedRun& run);

  Result<MetricName> FindName(std::uint64_t run, std::string_view name);
  Status SaveName(std::uint64_t run, std::string_view name, const MetricName& state);
  Status InsertMetric(std::uint64_t run, std::uint64_t name, std::uint64_t position,
                      std::string_view data);

  // 0: a writer that was not seen before.
  Result<std::uint64_t> NextOf(std::uint64_t run, std::string_view writer);
  Status SaveNext(std::uint64_t run, std::string_view writer, std::uint64_t next);

  // `run`: of the job.
  Result<SpoolFile> FindSpool(std::uint64_t run, std::string_view writer);
  Status SaveSpool(std::uint64_t run, std::string_view writer, const SpoolFile& file);

  Result<std::optional<Digest>> FindAnswered(const WorkspaceName& workspace, std::string_view key);
  // Forgets the oldest beyond `kept`.
  Status Remember(const WorkspaceName& workspace, std::string_view key, const Digest& digest,
                  std::uint64_t kept);

 private:
  explicit TrackingRows(Connection& connection) : connection_(connection) {}

  Connection& connection_;
  std::optional<Statement> find_run_, insert_run_, save_run_, save_counts_, find_name_, save_name_,
      insert_metric_, next_, save_next_, find_spool_, save_spool_, find_answered_, remember_,
      forget_;
};

}  // namespace muster::storage
