#include "storage/tracking/spool.h"

#include <map>
#include <utility>

#include "storage/tracking/codec.h"

namespace muster::storage {
namespace {

constexpr std::size_t kMaxRefusalBytes = 300;

std::string Cut(const std::string& text) {
  if (text.size() <= kMaxRefusalBytes) return text;
  std::size_t end = kMaxRefusalBytes - 3;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return text.substr(0, end) + "...";
}

// The lines of one part, one after the other. What they change is kept here until Save, so that ten
// thousand values of a run write its row once.
class SpoolWriter {
 public:
  SpoolWriter(TrackingRows& rows, const TrackingChange& change, TrackedRun job,
              const TrackingLimits& limits)
      : rows_(rows), limits_(limits), job_(job.id), now_(change.now) {
    as_job_.caller.role = scheduler::Role::kAttempt;
    as_job_.caller.user = job.user;
    as_job_.caller.workspace = change.workspace;
    as_job_.workspace = change.workspace;
    runs_.emplace(job_, Cached{std::move(job)});
  }

  // The outer error: the database failed. The inner one: the line is refused, and nothing of it was
  // done.
  Result<Status> Do(const SpoolLine& line) {
    const bool is_past = line.time > TimePoint{} && line.time <= now_;
    as_job_.now = is_past ? line.time : now_;
    return std::visit([this](const auto& body) { return Take(body); }, line.body);
  }

  Status Save() {
    for (auto& [id, cached] : runs_) {
      if (cached.changed) MUSTER_TRY(rows_.SaveRun(cached.run));
      if (cached.counted) MUSTER_TRY(rows_.SaveCounts(cached.run));
    }
    for (const auto& [key, name] : names_) MUSTER_TRY(rows_.SaveName(key.first, key.second, name));
    return {};
  }

  std::optional<std::string> script_failure;

 private:
  struct Cached {
    TrackedRun run;
    bool changed = false;
    bool counted = false;
  };

  // A run that the script may change, with a row; or the refusal.
  Result<Result<Cached*>> Find(const RunId& id) {
    auto found = runs_.find(id);
    if (found == runs_.end()) {
      MUSTER_ASSIGN(std::optional<TrackedRun> run, rows_.FindRun(as_job_.workspace, id));
      if (!run) return Result<Cached*>(Fail(UnknownRun(id)));
      found = runs_.emplace(id, Cached{std::move(*run)}).first;
    }
    Cached& cached = found->second;
    if (const Status own = IsOfJob(cached.run, job_); !own) {
      return Result<Cached*>(Fail(own.error()));
    }
    if (const Status may = MayChange(as_job_.caller, cached.run); !may) {
      return Result<Cached*>(Fail(may.error()));
    }
    if (cached.run.sequence == 0) MUSTER_TRY(rows_.InsertRun(cached.run));
    return Result<Cached*>(&cached);
  }

  Result<Status> Take(const std::monostate&) { return Status(); }

  Result<Status> Take(const RefusedLine& line) {
    return Status(Fail(ErrorCode::kInvalidArgument, ErrorReason::kInvalidSpec, line.why));
  }

  Result<Status> Take(const FailJob& failure) {
    script_failure = SentenceOf(failure);
    return Status();
  }

  Result<Status> Take(const LogValue& value) {
    MUSTER_ASSIGN(const Result<Cached*> found, Find(value.run));
    if (!found) return Status(Fail(found.error()));
    TrackedRun& run = (*found)->run;
    MUSTER_ASSIGN(MetricName* const name, FindName(run.sequence, value.metric.name));
    const bool is_new = name->number == 0;
    if (const Status room = CheckRoom(run, is_new ? 1 : 0, 1, limits_); !room) {
      // A name that has no value is not written.
      if (is_new) names_.erase({run.sequence, value.metric.name});
      return room;
    }
    if (is_new) name->number = ++run.metric_names;
    MUSTER_TRY(
        rows_.InsertMetric(run.sequence, name->number, ++name->count, EncodeMetric(value.metric)));
    ++run.metric_values;
    (*found)->counted = true;
    return Status();
  }

  Result<Status> Take(const NewRun& wanted) {
    MUSTER_ASSIGN(const Result<Cached*> parent, Find(wanted.parent));
    if (!parent) return Status(Fail(parent.error()));
    Result<TrackedRun> made = MakeRun(as_job_, wanted, &(*parent)->run);
    if (!made) return Status(Fail(made.error()));
    MUSTER_ASSIGN(const std::optional<TrackedRun> present,
                  rows_.FindRun(as_job_.workspace, wanted.id));
    if (present) return IsSameRun(*present, *made);
    MUSTER_TRY(rows_.InsertRun(*made));
    runs_.insert_or_assign(wanted.id, Cached{std::move(*made)});
    return Status();
  }

  Result<Status> Take(const UpdateRun& update) {
    MUSTER_ASSIGN(const Result<Cached*> found, Find(update.run));
    if (!found) return Status(Fail(found.error()));
    Result<TrackedRun> updated = Updated((*found)->run, as_job_, update);
    if (!updated) return Status(Fail(updated.error()));
    (*found)->run = std::move(*updated);
    (*found)->changed = true;
    return Status();
  }

  Result<MetricName*> FindName(std::uint64_t run, const std::string& name) {
    const auto [place, added] = names_.try_emplace({run, name});
    if (!added) return &place->second;
    MUSTER_ASSIGN(place->second, rows_.FindName(run, name));
    return &place->second;
  }

  TrackingRows& rows_;
  const TrackingLimits& limits_;
  const RunId job_;
  const TimePoint now_;
  TrackingChange as_job_;  // who acts, and when the script did; without a body
  std::map<RunId, Cached> runs_;
  std::map<std::pair<std::uint64_t, std::string>, MetricName> names_;
};

Error Gap(const AppendSpool& spool, std::uint64_t next) {
  return Error{ErrorCode::kOutOfRange, ErrorReason::kInvalidSpec,
               "spool \"" + spool.writer + "\" of job " + spool.job.str() + " was sent from byte " +
                   std::to_string(spool.offset) + ", but byte " + std::to_string(next) +
                   " is the next that the server expects"};
}

}  // namespace

Committed CommitSpool(TrackingRows& rows, const TrackingChange& change, const AppendSpool& spool,
                      TrackedRun job, const TrackingLimits& limits) {
  SpoolFile file;
  if (job.sequence != 0) {
    MUSTER_ASSIGN(file, rows.FindSpool(job.sequence, spool.writer));
  }
  if (spool.offset > file.next) return Result<TrackingAnswer>(Fail(Gap(spool, file.next)));
  TrackingAnswer answer;
  const std::uint64_t end = spool.offset + spool.bytes;
  if (end > file.next) {
    if (job.sequence == 0) MUSTER_TRY(rows.InsertRun(job));
    const std::uint64_t sequence = job.sequence;
    SpoolWriter writer(rows, change, std::move(job), limits);
    std::uint64_t begin = spool.offset;
    for (const SpoolLine& line : spool.lines) {
      if (std::exchange(begin, line.end) < file.next) continue;
      MUSTER_ASSIGN(const Status done, writer.Do(line));
      if (done) continue;
      ++answer.refused_count;
      if (answer.refused.size() < kMaxToldRefusals) {
        answer.refused.push_back(Cut(done.error().message));
      }
    }
    MUSTER_TRY(writer.Save());
    if (writer.script_failure) file.script_failure = std::move(writer.script_failure);
    file.next = end;
    MUSTER_TRY(rows.SaveSpool(sequence, spool.writer, file));
  }
  answer.next = file.next;
  answer.script_failure = std::move(file.script_failure);
  return answer;
}

}  // namespace muster::storage
