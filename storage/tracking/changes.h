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

// What one line of a script's spool asks for.
struct LogValue {
  RunId run;
  Metric metric;
};
// The script says that the run of its own job has failed (run.fail).
struct FailJob {
  std::string error_code;
  std::string error_message;
};
struct RefusedLine {
  std::string why;  // one sentence
};
struct SpoolLine {
  std::uint64_t end = 0;  // where the next one begins in the file, bytes
  TimePoint time{};       // of the script's clock; 1970: unknown
  // Nothing: a line that says nothing to store.
  std::variant<std::monostate, LogValue, NewRun, UpdateRun, FailJob, RefusedLine> body;
};

// A part of a file in which a script of the job spools its lines. It may name the job and what is
// below it, and acts as the job's user, whatever the change's caller.
struct AppendSpool {
  RunId job;
  std::string writer;  // of the file, unique among the job's
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;  // of the part, lines and others
  std::vector<SpoolLine> lines;
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
  scheduler::Idempotency idempotency;  // key empty: of those that count by themselves
  std::vector<JobRun> jobs;
  std::variant<CreateRuns, UpdateRun, AppendMetrics, AppendSpool> body;
};

struct TrackingAnswer {
  std::optional<scheduler::JobStatus> status;  // UpdateRun of a tracked run
  std::uint64_t next = 0;                      // AppendMetrics, AppendSpool
  // AppendSpool: why lines were refused, of the first kMaxToldRefusals; how many were.
  std::vector<std::string> refused = {};
  std::uint32_t refused_count = 0;
  std::optional<std::string> script_failure = {};  // what this file has said so far
};
inline constexpr std::size_t kMaxToldRefusals = 20;

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

// PERMISSION_DENIED if the run is neither the job's nor below it.
Status IsOfJob(const TrackedRun& run, const RunId& job);

// "Disk is gone (E42)": one sentence for the cause of the job's end.
std::string SentenceOf(const FailJob& failure);

// FAILED_PRECONDITION (kTooMany) if the run had more than its limits.
Status CheckRoom(const TrackedRun& run, std::uint64_t more_names, std::uint64_t more_values,
                 const TrackingLimits& limits);

}  // namespace muster::storage
