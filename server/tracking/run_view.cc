#include "server/tracking/run_view.h"

#include <algorithm>
#include <utility>

#include "server/rpc/job_conversion.h"

namespace muster::server {
namespace {

namespace v1 = muster::v1;
using scheduler::JobStatus;
using storage::MetricKind;
using storage::RunKind;

static_assert(static_cast<int>(RunKind::kJob) == v1::RUN_KIND_JOB);
static_assert(static_cast<int>(RunKind::kChild) == v1::RUN_KIND_CHILD);
static_assert(static_cast<int>(MetricKind::kScalar) == v1::METRIC_KIND_SCALAR);
static_assert(static_cast<int>(MetricKind::kPredictions) == v1::METRIC_KIND_PREDICTIONS);

// Clients take messages of 4 MiB.
constexpr std::size_t kMaxMergedBytes = std::size_t{2} << 20;

std::int64_t Micros(const std::optional<TimePoint>& time) { return time ? ToMicros(*time) : 0; }

void TagsToProto(const storage::Tags& tags, v1::Run& out) {
  for (const auto& [key, value] : tags) {
    v1::Tag& tag = *out.add_tags();
    tag.set_key(key);
    if (value) tag.set_value(*value);
  }
}

void RecordToProto(const storage::TrackedRun& run, v1::Run& out) {
  TagsToProto(run.tags, out);
  out.mutable_properties()->insert(run.properties.begin(), run.properties.end());
  out.set_display_name(run.display_name);
  out.set_metric_values(run.metric_values);
}

bool HasTag(const v1::Run& run, const v1::Tag& wanted) {
  return std::ranges::any_of(run.tags(), [&](const v1::Tag& tag) {
    return tag.key() == wanted.key() &&
           (!wanted.has_value() || (tag.has_value() && tag.value() == wanted.value()));
  });
}

bool HasProperty(const v1::Run& run, const v1::Tag& wanted) {
  const auto property = run.properties().find(wanted.key());
  return property != run.properties().end() &&
         (!wanted.has_value() || property->second == wanted.value());
}

// Where a source goes on after its first `taken` entries; kNothing: nowhere.
std::uint64_t Cursor(const RunSource& source, std::size_t taken) {
  if (taken < source.entries.size()) {
    return taken == 0 ? source.before : source.entries[taken - 1].sequence;
  }
  return source.next_before == 0 ? RunSource::kNothing : source.next_before;
}

}  // namespace

JobStatus StatusOf(const storage::TrackedRun& run, const ViewTime& time) {
  if (run.status != JobStatus::kRunning || !run.heartbeat) return run.status;
  const TimePoint last = std::max(*run.heartbeat, time.serving_since);
  return time.now - last > kRunSilence ? JobStatus::kNotResponding : run.status;
}

void ToProto(const storage::TrackedRun& run, const ViewTime& time, v1::Run& out) {
  out.set_id(run.id.str());
  out.set_kind(static_cast<v1::RunKind>(run.kind));
  out.set_experiment(run.experiment);
  out.set_parent_id(run.parent.str());
  out.set_root_id(run.root.str());
  out.set_user(run.user.str());
  out.set_status(ToProto(StatusOf(run, time)));
  out.set_created_us(ToMicros(run.created));
  out.set_started_us(Micros(run.started));
  out.set_ended_us(Micros(run.ended));
  RecordToProto(run, out);
  if (run.status == JobStatus::kFailed) {
    out.mutable_error()->set_code(run.error_code);
    out.mutable_error()->set_message(run.error_message);
  }
}

void ToProto(const JobView& view, const storage::TrackedRun* tracked, v1::Run& out) {
  const scheduler::Job& job = view.job;
  out.set_id(job.id.str());
  out.set_kind(v1::RUN_KIND_JOB);
  out.set_experiment(job.experiment);
  out.set_root_id(job.id.str());
  out.set_user(job.user.str());
  out.set_status(ToProto(job.status));
  out.set_created_us(ToMicros(job.submitted));
  out.set_started_us(Micros(job.started));
  out.set_ended_us(Micros(job.ended));
  ToProto(job, *out.mutable_job());
  if (tracked != nullptr) {
    RecordToProto(*tracked, out);
  } else {
    TagsToProto(view.tags, out);
  }
}

void ToProto(const storage::Metric& metric, v1::MetricValue& out) {
  out.set_name(metric.name);
  out.set_kind(static_cast<v1::MetricKind>(metric.kind));
  if (const auto* number = std::get_if<double>(&metric.value)) {
    out.set_number(*number);
  } else if (const auto* integer = std::get_if<std::int64_t>(&metric.value)) {
    out.set_integer(*integer);
  } else if (metric.kind == MetricKind::kScalar) {
    out.set_text(std::get<std::string>(metric.value));
  } else {
    out.set_json(std::get<std::string>(metric.value));
  }
  if (metric.step) out.set_step(*metric.step);
  out.set_time_us(ToMicros(metric.time));
  out.set_description(metric.description);
}

bool Matches(const v1::Run& run, const v1::ListRunsRequest& filter) {
  const auto& kinds = filter.kinds();
  const auto& statuses = filter.statuses();
  return (kinds.empty() || std::ranges::find(kinds, run.kind()) != kinds.end()) &&
         (statuses.empty() || std::ranges::find(statuses, run.status()) != statuses.end()) &&
         std::ranges::all_of(filter.tags(), [&](const v1::Tag& tag) { return HasTag(run, tag); }) &&
         std::ranges::all_of(filter.properties(),
                             [&](const v1::Tag& tag) { return HasProperty(run, tag); });
}

bool FiltersAfterwards(const v1::ListRunsRequest& filter) {
  return filter.kinds_size() + filter.statuses_size() + filter.tags_size() +
             filter.properties_size() >
         0;
}

MergedRuns Merge(RunSource jobs, RunSource tracked, const v1::ListRunsRequest& filter,
                 std::size_t limit) {
  MergedRuns merged;
  std::size_t job = 0;
  std::size_t run = 0;
  std::size_t bytes = 0;
  while (merged.runs.size() < limit && bytes < kMaxMergedBytes) {
    const bool no_job = job == jobs.entries.size();
    const bool no_run = run == tracked.entries.size();
    if ((no_job && jobs.next_before != 0) || (no_run && tracked.next_before != 0)) break;
    if (no_job && no_run) break;
    const bool take_job = no_run || (!no_job && jobs.entries[job].run.created_us() >=
                                                    tracked.entries[run].run.created_us());
    v1::Run& next = take_job ? jobs.entries[job++].run : tracked.entries[run++].run;
    if (!Matches(next, filter)) continue;
    bytes += next.ByteSizeLong();
    merged.runs.push_back(std::move(next));
  }
  merged.jobs_before = Cursor(jobs, job);
  merged.tracked_before = Cursor(tracked, run);
  merged.more =
      merged.jobs_before != RunSource::kNothing || merged.tracked_before != RunSource::kNothing;
  return merged;
}

}  // namespace muster::server
