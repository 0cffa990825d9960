// The run record as plain values: what a run is called and how it does, and what it has measured.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "scheduler/model/types.h"

namespace muster::storage {

// On disk, and the API's numbers.
enum class RunKind : std::uint8_t { kJob = 1, kInteractive, kChild };
enum class MetricKind : std::uint8_t {
  kScalar = 1,
  kList,
  kRow,
  kTable,
  kImage,
  kAccuracyTable,
  kConfusionMatrix,
  kResiduals,
  kPredictions,
};

using RunId = StrongId<struct RunIdTag>;
using Tags = std::map<std::string, std::optional<std::string>>;  // no value: a bare tag
using Properties = std::map<std::string, std::string>;

// What is tracked of one run. Of a job the row exists from the first change on, and status and
// times are those of the job, not these.
struct TrackedRun {
  std::uint64_t sequence = 0;  // order of creation, unique in the database
  WorkspaceName workspace;
  RunId id;
  RunKind kind = RunKind::kInteractive;
  std::string experiment;
  RunId parent;  // empty: none
  RunId root;    // itself, without a parent
  UserName user;
  std::string display_name;
  scheduler::JobStatus status = scheduler::JobStatus::kRunning;
  TimePoint created{};
  std::optional<TimePoint> started;
  std::optional<TimePoint> ended;
  std::optional<TimePoint> heartbeat;  // of a run that must send them
  Tags tags;
  Properties properties;
  std::string error_code;
  std::string error_message;
  std::uint64_t metric_names = 0;
  std::uint64_t metric_values = 0;

  friend bool operator==(const TrackedRun&, const TrackedRun&) = default;
};

// The text is JSON unless the kind is scalar.
using MetricContent = std::variant<double, std::int64_t, std::string>;

struct Metric {
  std::string name;
  MetricKind kind = MetricKind::kScalar;
  MetricContent value;
  std::optional<std::int64_t> step;
  TimePoint time{};  // of the script's clock; 1970: unknown
  std::string description;
};

struct TrackingLimits {
  std::uint64_t max_metric_names = 1'000;        // of a run
  std::uint64_t max_metric_values = 10'000'000;  // of a run
  // Of changes that wait for the disk.
  std::size_t max_queued_changes = 10'000;
  std::size_t max_queued_bytes = std::size_t{32} << 20;
  // Answers that are remembered for requests that come again.
  std::uint64_t max_remembered_requests = 100'000;
};

inline constexpr std::size_t kMaxTags = 50;
inline constexpr std::size_t kMaxProperties = 50;

}  // namespace muster::storage
