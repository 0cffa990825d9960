// Changes of the run record, and what becomes of them. Pure: the writer reads what a change needs,
// decides with these, and writes what they answer.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "scheduler/model/command.h"
#include "storage/tracking/record.h"

namespace muster::storage {

struct NewRun {
  RunId id;
  RunId parent;            // empty: none
  std::string experiment;  // empty with a parent: it has the parent's
  std::string display_name;
  Tags tags;
  Properties properties;
  bool not_started = false;
};

struct CreateRuns {
  std::vector<NewRun> runs;
};

struct UpdateRun {
  RunId run;
  Tags set_tags;
  std::vector<std::string> remove_tags;
  Properties add_properties;
  std::optional<std::string> display_name;
  bool heartbeat = false;
  std::optional<scheduler::JobStatus> status;
  std::string error_code;
  std::string error_message;
};

// Values first, first + 1... of a writer that counts its own from 0.
struct AppendMetrics {
  RunId run;
  std::string writer;
  std::uint64_t first = 0;
  std::vector<Metric> values;
};

// Jobs that a change names. Their rows are made with it, if they have none.
struct JobRun {
  RunId id;
  std::string experiment;
  UserName user;
  TimePoint submitted{};
  Tags tags;
};

struct TrackingChange {
  scheduler::Principal caller;
  WorkspaceName workspace;
  TimePoint now{};
  scheduler::Idempotency idempotency;  // key empty: of AppendMetrics, which has its own way
  std::vector<JobRun> jobs;
  std::variant<CreateRuns, UpdateRun, AppendMetrics> body;
};

struct TrackingAnswer {
  std::optional<scheduler::JobStatus> status;  // UpdateRun of a tracked run
  std::uint64_t next = 0;                      // AppendMetrics
};

// Rough size in memory.
std::size_t SizeOf(const TrackingChange& change);

// As for a cancel: the run's user, and admins.
Status MayChange(const scheduler::Principal& caller, const RunId& run, const UserName& owner);
Status MayChange(const scheduler::Principal& caller, const TrackedRun& run);

Error UnknownRun(const RunId& run);

TrackedRun RunOf(const WorkspaceName& workspace, const JobRun& job);

// `parent`: null without one; PERMISSION_DENIED if its user is another. How many tags and
// properties the run has is checked before.
Result<TrackedRun> MakeRun(const TrackingChange& change, const NewRun& wanted,
                           const TrackedRun* parent);

// Whether making `made` when `present` is there is the same request again; ALREADY_EXISTS if not.
Status IsSameRun(const TrackedRun& present, const TrackedRun& made);

// The run after the change: all of it, or an error.
Result<TrackedRun> Updated(TrackedRun run, const TrackingChange& change, const UpdateRun& update);

// FAILED_PRECONDITION (kTooMany) if the run had more than its limits.
Status CheckRoom(const TrackedRun& run, std::uint64_t more_names, std::uint64_t more_values,
                 const TrackingLimits& limits);

}  // namespace muster::storage
