#include "storage/tracking/commit.h"

#include <algorithm>
#include <map>
#include <utility>

#include "storage/tracking/codec.h"
#include "storage/tracking/spool.h"

namespace muster::storage {
namespace {

Committed Refuse(Error error) { return Result<TrackingAnswer>(Fail(std::move(error))); }

// The run's row; without one, that of the job of this id which the change brings (sequence 0).
Result<std::optional<TrackedRun>> FindRun(TrackingRows& rows, const TrackingChange& change,
                                          const RunId& id) {
  MUSTER_ASSIGN(std::optional<TrackedRun> run, rows.FindRun(change.workspace, id));
  if (run) return run;
  const auto job = std::ranges::find(change.jobs, id, &JobRun::id);
  if (job == change.jobs.end()) return std::nullopt;
  return RunOf(change.workspace, *job);
}

Committed Apply(TrackingRows& rows, const TrackingChange& change, const CreateRuns& create,
                const TrackingLimits&) {
  std::vector<TrackedRun> made;
  std::map<RunId, std::size_t> places;  // in `made`
  for (const NewRun& wanted : create.runs) {
    std::optional<TrackedRun> parent;
    if (const auto place = places.find(wanted.parent); place != places.end()) {
      parent = made[place->second];
    } else if (!wanted.parent.empty()) {
      MUSTER_ASSIGN(parent, FindRun(rows, change, wanted.parent));
      if (!parent) return Refuse(UnknownRun(wanted.parent));
    }
    Result<TrackedRun> run = MakeRun(change, wanted, parent ? &*parent : nullptr);
    if (!run) return Refuse(run.error());
    MUSTER_ASSIGN(std::optional<TrackedRun> present, rows.FindRun(change.workspace, wanted.id));
    if (!present && places.contains(wanted.id)) present = made[places[wanted.id]];
    if (present) {
      if (const Status same = IsSameRun(*present, *run); !same) return Refuse(same.error());
      continue;
    }
    places[wanted.id] = made.size();
    made.push_back(std::move(*run));
  }
  for (TrackedRun& run : made) MUSTER_TRY(rows.InsertRun(run));
  return TrackingAnswer{};
}

Committed Apply(TrackingRows& rows, const TrackingChange& change, const UpdateRun& update,
                const TrackingLimits&) {
  MUSTER_ASSIGN(std::optional<TrackedRun> run, FindRun(rows, change, update.run));
  if (!run) return Refuse(UnknownRun(update.run));
  Result<TrackedRun> updated = Updated(std::move(*run), change, update);
  if (!updated) return Refuse(updated.error());
  MUSTER_TRY(updated->sequence == 0 ? rows.InsertRun(*updated) : rows.SaveRun(*updated));
  TrackingAnswer answer;
  if (updated->kind != RunKind::kJob) answer.status = updated->status;
  return answer;
}

using Names = std::map<std::string_view, MetricName>;

// Of the values: what the database has of their names. Number 0: a new one.
Result<Names> FindNames(TrackingRows& rows, std::uint64_t run, std::span<const Metric> values) {
  Names names;
  for (const Metric& metric : values) {
    const auto [place, added] = names.try_emplace(metric.name);
    if (!added || run == 0) continue;
    MUSTER_ASSIGN(place->second, rows.FindName(run, metric.name));
  }
  return names;
}

Status WriteValues(TrackingRows& rows, TrackedRun& run, Names& names,
                   std::span<const Metric> values) {
  for (const Metric& metric : values) {
    MetricName& name = names[metric.name];
    if (name.number == 0) name.number = ++run.metric_names;
    const std::string data = EncodeMetric(metric);
    MUSTER_TRY(rows.InsertMetric(run.sequence, name.number, ++name.count, data));
  }
  for (const auto& [name, state] : names) MUSTER_TRY(rows.SaveName(run.sequence, name, state));
  run.metric_values += values.size();
  return rows.SaveCounts(run);
}

Committed Apply(TrackingRows& rows, const TrackingChange& change, const AppendMetrics& append,
                const TrackingLimits& limits) {
  MUSTER_ASSIGN(std::optional<TrackedRun> run, FindRun(rows, change, append.run));
  if (!run) return Refuse(UnknownRun(append.run));
  if (const Status may = MayChange(change.caller, *run); !may) return Refuse(may.error());
  std::uint64_t next = 0;
  if (run->sequence != 0) {
    MUSTER_ASSIGN(next, rows.NextOf(run->sequence, append.writer));
  }
  if (append.first > next) {
    return Refuse(Error{ErrorCode::kOutOfRange, ErrorReason::kInvalidSpec,
                        "writer \"" + append.writer + "\" of run " + run->id.str() +
                            " sent value " + std::to_string(append.first) + ", but value " +
                            std::to_string(next) + " is the next that the server expects"});
  }
  const std::uint64_t known = next - append.first;
  if (known >= append.values.size()) return TrackingAnswer{{}, next};
  const std::span<const Metric> values = std::span(append.values).subspan(known);
  MUSTER_ASSIGN(Names names, FindNames(rows, run->sequence, values));
  const auto more =
      std::ranges::count_if(names, [](const auto& n) { return n.second.number == 0; });
  const Status room = CheckRoom(*run, static_cast<std::uint64_t>(more), values.size(), limits);
  if (!room) return Refuse(room.error());

  if (run->sequence == 0) MUSTER_TRY(rows.InsertRun(*run));
  MUSTER_TRY(WriteValues(rows, *run, names, values));
  next += values.size();
  MUSTER_TRY(rows.SaveNext(run->sequence, append.writer, next));
  return TrackingAnswer{{}, next};
}

Committed Apply(TrackingRows& rows, const TrackingChange& change, const AppendSpool& spool,
                const TrackingLimits& limits) {
  MUSTER_ASSIGN(std::optional<TrackedRun> job, FindRun(rows, change, spool.job));
  if (!job) return Refuse(UnknownRun(spool.job));
  return CommitSpool(rows, change, spool, std::move(*job), limits);
}

// What the repetition of an answered request is told.
Committed AnswerAgain(TrackingRows& rows, const TrackingChange& change) {
  const auto* update = std::get_if<UpdateRun>(&change.body);
  if (update == nullptr) return TrackingAnswer{};
  MUSTER_ASSIGN(const std::optional<TrackedRun> run, rows.FindRun(change.workspace, update->run));
  TrackingAnswer answer;
  if (run && run->kind != RunKind::kJob) answer.status = run->status;
  return answer;
}

}  // namespace

Committed Commit(TrackingRows& rows, const TrackingChange& change, const TrackingLimits& limits) {
  const std::string& key = change.idempotency.key;
  if (!key.empty()) {
    MUSTER_ASSIGN(const std::optional<Digest> answered, rows.FindAnswered(change.workspace, key));
    if (answered && *answered == change.idempotency.request_digest) {
      return AnswerAgain(rows, change);
    }
    if (answered) {
      return Refuse(Error{ErrorCode::kAlreadyExists, ErrorReason::kIdempotencyKeyReused,
                          "request id \"" + key +
                              "\" was used before with other content; every new request needs an "
                              "id of its own"});
    }
  }
  Committed committed =
      std::visit([&](const auto& body) { return Apply(rows, change, body, limits); }, change.body);
  if (!committed || !*committed || key.empty()) return committed;
  MUSTER_TRY(rows.Remember(change.workspace, key, change.idempotency.request_digest,
                           limits.max_remembered_requests));
  return committed;
}

}  // namespace muster::storage
