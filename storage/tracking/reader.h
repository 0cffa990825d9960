// Reads of what is durable of the run record, with a read-only connection. One thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "storage/experiment_summary.h"
#include "storage/tracking/record.h"

namespace muster::storage {

struct RunFilter {
  WorkspaceName workspace;
  std::string experiment;       // empty: any
  std::optional<RunId> parent;  // empty id: without a parent; nothing: any
};

struct RunPage {
  std::vector<TrackedRun> runs;   // newest first
  std::uint64_t next_before = 0;  // 0: no more
};

// Place of a value: number of its name, position in it. {0, 0} is before all.
struct MetricPosition {
  std::uint64_t name = 0;
  std::uint64_t position = 0;

  friend bool operator==(const MetricPosition&, const MetricPosition&) = default;
};

struct MetricQuery {
  WorkspaceName workspace;
  RunId run;
  std::string name;  // empty: all
  MetricPosition after;
  std::size_t max_values = 0;  // not 0
  std::size_t max_bytes = 0;   // a page ends with the value that reaches it
};

struct MetricPage {
  std::vector<Metric> values;
  std::optional<MetricPosition> next;  // of the last one, if there are more
};

class TrackingReader {
 public:
  static Result<std::unique_ptr<TrackingReader>> Open(const std::string& path);
  virtual ~TrackingReader() = default;

  virtual Result<std::optional<TrackedRun>> GetRun(const WorkspaceName& workspace,
                                                   const RunId& id) = 0;
  // Tracked runs but jobs, with sequence < before (0: all), at most `limit`.
  virtual Result<RunPage> ListRuns(const RunFilter& filter, std::uint64_t before,
                                   std::size_t limit) = 0;
  // By name, those after `after`, at most `limit`; of tracked runs but jobs and children.
  virtual Result<std::vector<ExperimentSummary>> ListExperiments(const WorkspaceName& workspace,
                                                                 const std::string& after,
                                                                 std::size_t limit) = 0;
  // Nothing: there is no such row. Values that come while pages are read may be missed where those
  // of their name were read already.
  virtual Result<std::optional<MetricPage>> ReadMetrics(const MetricQuery& query) = 0;
};

}  // namespace muster::storage
