#include "storage/tracking/changes.h"

namespace muster::storage {
namespace {

using scheduler::IsTerminal;
using scheduler::JobStatus;

tl::unexpected<Error> Refused(std::string message) {
  return Fail(ErrorCode::kFailedPrecondition, ErrorReason::kJobEnded, std::move(message));
}

tl::unexpected<Error> TooMany(std::string message) {
  return Fail(ErrorCode::kFailedPrecondition, ErrorReason::kTooMany, std::move(message));
}

std::size_t SizeOf(const Tags& tags) {
  std::size_t bytes = 0;
  for (const auto& [key, value] : tags) bytes += 96 + key.size() + (value ? value->size() : 0);
  return bytes;
}

std::size_t SizeOf(const Properties& properties) {
  std::size_t bytes = 0;
  for (const auto& [key, value] : properties) bytes += 96 + key.size() + value.size();
  return bytes;
}

std::size_t SizeOf(const NewRun& run) {
  return 512 + run.display_name.size() + SizeOf(run.tags) + SizeOf(run.properties);
}

std::size_t SizeOf(const CreateRuns& create) {
  std::size_t bytes = 0;
  for (const NewRun& run : create.runs) bytes += SizeOf(run);
  return bytes;
}

std::size_t SizeOf(const UpdateRun& update) {
  return 512 + SizeOf(update.set_tags) + SizeOf(update.add_properties) +
         128 * update.remove_tags.size() + update.error_message.size();
}

std::size_t SizeOf(const Metric& metric) {
  const auto* text = std::get_if<std::string>(&metric.value);
  return sizeof(Metric) + metric.name.size() + metric.description.size() +
         (text == nullptr ? 0 : text->size());
}

std::size_t SizeOf(const AppendMetrics& append) {
  std::size_t bytes = 0;
  for (const Metric& metric : append.values) bytes += SizeOf(metric);
  return bytes;
}

std::size_t SizeOf(const std::monostate&) { return 0; }
std::size_t SizeOf(const LogValue& value) { return SizeOf(value.metric); }
std::size_t SizeOf(const FailJob& failure) { return 64 + failure.error_message.size(); }
std::size_t SizeOf(const RefusedLine& line) { return 64 + line.why.size(); }

std::size_t SizeOf(const AppendSpool& spool) {
  std::size_t bytes = 0;
  for (const SpoolLine& line : spool.lines) {
    bytes += 64 + std::visit([](const auto& body) { return SizeOf(body); }, line.body);
  }
  return bytes;
}

Status SetTags(TrackedRun& run, const UpdateRun& update) {
  for (const std::string& key : update.remove_tags) run.tags.erase(key);
  for (const auto& [key, value] : update.set_tags) run.tags[key] = value;
  if (run.tags.size() <= kMaxTags) return {};
  return TooMany("run " + run.id.str() + " would have " + std::to_string(run.tags.size()) +
                 " tags; at most 50 are allowed");
}

Status AddProperties(TrackedRun& run, const UpdateRun& update) {
  for (const auto& [key, value] : update.add_properties) {
    const auto [present, added] = run.properties.emplace(key, value);
    if (!added && present->second != value) {
      return Fail(ErrorCode::kFailedPrecondition, ErrorReason::kNameTaken,
                  "property \"" + key + "\" of run " + run.id.str() +
                      " has another value, and properties never change; use a tag for what may");
    }
  }
  if (run.properties.size() <= kMaxProperties) return {};
  return TooMany("run " + run.id.str() + " would have " + std::to_string(run.properties.size()) +
                 " properties; at most 50 are allowed");
}

Status SetStatus(TrackedRun& run, const UpdateRun& update, TimePoint now) {
  if (run.kind == RunKind::kJob) {
    return Refused("run " + run.id.str() +
                   " is a job: its status is that of its processes; cancel it to end it");
  }
  const JobStatus wanted = *update.status;
  if (run.status == wanted) return {};
  if (IsTerminal(run.status)) {
    return Refused("run " + run.id.str() + " has ended; its status does not change any more");
  }
  run.status = wanted;
  if (!run.started) run.started = now;
  if (!IsTerminal(wanted)) return {};
  run.ended = now;
  if (wanted == JobStatus::kFailed) {
    run.error_code = update.error_code;
    run.error_message = update.error_message;
  }
  return {};
}

}  // namespace

std::size_t SizeOf(const TrackingChange& change) {
  return 1'024 + std::visit([](const auto& body) { return SizeOf(body); }, change.body);
}

Status MayChange(const scheduler::Principal& caller, const RunId& run, const UserName& owner) {
  if (caller.role == scheduler::Role::kAdmin || caller.user == owner) return {};
  return Fail(
      ErrorCode::kPermissionDenied, ErrorReason::kWrongRole,
      "run " + run.str() + " belongs to " + owner.str() + "; only they and an admin may change it");
}

Status MayChange(const scheduler::Principal& caller, const TrackedRun& run) {
  return MayChange(caller, run.id, run.user);
}

Error UnknownRun(const RunId& run) {
  return Error{ErrorCode::kNotFound, ErrorReason::kUnknownRun,
               "there is no run \"" + run.str() + "\" in this workspace"};
}

TrackedRun RunOf(const WorkspaceName& workspace, const JobRun& job) {
  TrackedRun run;
  run.workspace = workspace;
  run.id = run.root = job.id;
  run.kind = RunKind::kJob;
  run.experiment = job.experiment;
  run.user = job.user;
  run.created = job.submitted;
  run.tags = job.tags;
  return run;
}

Result<TrackedRun> MakeRun(const TrackingChange& change, const NewRun& wanted,
                           const TrackedRun* parent) {
  TrackedRun run;
  if (parent != nullptr) MUSTER_TRY(MayChange(change.caller, *parent));
  run.workspace = change.workspace;
  run.id = wanted.id;
  run.kind = parent == nullptr ? RunKind::kInteractive : RunKind::kChild;
  run.experiment = parent == nullptr ? wanted.experiment : parent->experiment;
  run.parent = wanted.parent;
  run.root = parent == nullptr ? wanted.id : parent->root;
  run.user = change.caller.user;
  run.display_name = wanted.display_name;
  run.created = change.now;
  run.tags = wanted.tags;
  run.properties = wanted.properties;
  if (wanted.not_started) {
    run.status = JobStatus::kNotStarted;
    return run;
  }
  run.started = change.now;
  if (parent == nullptr) run.heartbeat = change.now;
  return run;
}

Status IsSameRun(const TrackedRun& present, const TrackedRun& made) {
  if (present.kind == made.kind && present.experiment == made.experiment &&
      present.parent == made.parent && present.user == made.user) {
    return {};
  }
  return Fail(ErrorCode::kAlreadyExists, ErrorReason::kNameTaken,
              "there is another run \"" + made.id.str() +
                  "\" in this workspace; every new run needs an id of its own");
}

Result<TrackedRun> Updated(TrackedRun run, const TrackingChange& change, const UpdateRun& update) {
  MUSTER_TRY(MayChange(change.caller, run));
  MUSTER_TRY(SetTags(run, update));
  MUSTER_TRY(AddProperties(run, update));
  if (update.display_name) run.display_name = *update.display_name;
  if (update.status) MUSTER_TRY(SetStatus(run, update, change.now));
  if (update.heartbeat && run.kind == RunKind::kJob) {
    return Refused("run " + run.id.str() + " is a job, whose agent sends the heartbeats");
  }
  if (update.heartbeat) run.heartbeat = change.now;
  return run;
}

Status IsOfJob(const TrackedRun& run, const RunId& job) {
  if (run.root == job) return {};
  return Fail(ErrorCode::kPermissionDenied, ErrorReason::kWrongRole,
              "run " + run.id.str() + " is not part of job " + job.str() +
                  "; a script may change the run of its own job and what is below it");
}

std::string SentenceOf(const FailJob& failure) {
  std::string sentence = failure.error_message.empty() ? "The script said that its run has failed"
                                                       : failure.error_message;
  if (!failure.error_code.empty()) sentence += " (" + failure.error_code + ")";
  return sentence;
}

Status CheckRoom(const TrackedRun& run, std::uint64_t more_names, std::uint64_t more_values,
                 const TrackingLimits& limits) {
  if (run.metric_names + more_names > limits.max_metric_names) {
    return TooMany("run " + run.id.str() + " would have " +
                   std::to_string(run.metric_names + more_names) +
                   " metric names; the server's max_run_metric_names is " +
                   std::to_string(limits.max_metric_names));
  }
  if (run.metric_values + more_values > limits.max_metric_values) {
    return TooMany("run " + run.id.str() + " would have " +
                   std::to_string(run.metric_values + more_values) +
                   " metric values; the server's max_run_metric_values is " +
                   std::to_string(limits.max_metric_values));
  }
  return {};
}

}  // namespace muster::storage
