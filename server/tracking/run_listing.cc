#include "server/tracking/run_listing.h"

#include <algorithm>
#include <utility>

#include "server/rpc/bounded_decode.h"
#include "server/rpc/change_request.h"
#include "server/rpc/job_conversion.h"
#include "server/rpc/page_token.h"
#include "server/rpc/unary.h"

namespace muster::server {
namespace {

namespace v1 = muster::v1;

constexpr std::size_t kDefaultRuns = 100;
// Runs of each list that one call looks at when its filter may refuse them.
constexpr std::size_t kMaxCandidates = 300;
// The same for jobs of other experiments, which are passed over in the database.
constexpr std::size_t kMaxExaminedJobs = 10'000;

}  // namespace

void RunListing::Start(const TrackingParts& parts, grpc::ServerUnaryReactor* reactor,
                       grpc::ByteBuffer* reply, const WorkspaceName& workspace,
                       v1::ListRunsRequest request) {
  const std::shared_ptr<RunListing> listing(new RunListing(parts, reactor, reply));
  listing->workspace_ = workspace;
  listing->request_ = std::move(request);
  if (const Status ready = listing->Prepare(); !ready) return listing->Refuse(ready.error());
  const bool queued = listing->jobs_.before == RunSource::kNothing
                          ? parts.readers.Submit([listing](storage::TrackingReader& reader) {
                              listing->AskTracking(reader);
                            })
                          : parts.history.Submit([listing](storage::History& history) {
                              listing->AskHistory(history);
                            });
  if (!queued) listing->Refuse(Overloaded());
}

bool RunListing::WantsKind(v1::RunKind kind) const {
  return request_.kinds_size() == 0 ||
         std::ranges::find(request_.kinds(), kind) != request_.kinds().end();
}

bool RunListing::WantsTracked() const {
  return WantsKind(v1::RUN_KIND_INTERACTIVE) || WantsKind(v1::RUN_KIND_CHILD);
}

Status RunListing::Prepare() {
  MUSTER_ASSIGN(const TokenPair before, DecodePairPageToken(request_.page_token()));
  MUSTER_ASSIGN(limit_, DecodePageSize(request_.page_size()));
  if (request_.page_size() == 0) limit_ = kDefaultRuns;
  candidates_ = FiltersAfterwards(request_) ? std::max(limit_, kMaxCandidates) : limit_;
  const bool jobs = WantsKind(v1::RUN_KIND_JOB) && request_.parent_id().empty();
  jobs_.before = jobs ? before.first : RunSource::kNothing;
  tracked_.before = WantsTracked() ? before.second : RunSource::kNothing;
  return {};
}

void RunListing::AskHistory(storage::History& history) {
  if (const Status read = ReadJobs(history); !read) return Refuse(StateUnread(read.error()));
  parts_.readers.Continue(
      [self = shared_from_this()](storage::TrackingReader& reader) { self->AskTracking(reader); });
}

Status RunListing::ReadJobs(storage::History& history) {
  storage::JobFilter filter;
  filter.workspace = workspace_;
  filter.experiment = request_.experiment();
  for (const int status : request_.statuses()) filter.statuses.push_back(*StatusFromProto(status));
  MUSTER_ASSIGN(const storage::JobPage page,
                history.ListJobs(filter, jobs_.before, candidates_, kMaxExaminedJobs));
  jobs_.next_before = page.next_before;
  for (const storage::JobRecord& listed : page.records) {
    // One specification at a time: all of a page's may be large.
    MUSTER_ASSIGN(std::optional<storage::JobRecord> record,
                  history.GetJob(workspace_, listed.job.id));
    if (!record) continue;
    MUSTER_ASSIGN(JobView view, ViewOf(std::move(*record)));
    job_views_.push_back(std::move(view));
  }
  return {};
}

void RunListing::AskTracking(storage::TrackingReader& reader) {
  if (const Status read = ReadTracked(reader); !read) return Refuse(StateUnread(read.error()));
  Answer();
}

Status RunListing::ReadTracked(storage::TrackingReader& reader) {
  for (const JobView& view : job_views_) {
    MUSTER_ASSIGN(const std::optional<storage::TrackedRun> tracked,
                  reader.GetRun(workspace_, storage::RunId(view.job.id.str())));
    RunSource::Entry& entry = jobs_.entries.emplace_back();
    entry.sequence = view.job.sequence;
    ToProto(view, tracked ? &*tracked : nullptr, entry.run);
  }
  if (tracked_.before == RunSource::kNothing) return {};
  storage::RunFilter filter{workspace_, request_.experiment(), std::nullopt};
  const bool any_parent = request_.include_children() && request_.parent_id().empty();
  if (!any_parent) filter.parent = storage::RunId(request_.parent_id());
  MUSTER_ASSIGN(const storage::RunPage page, reader.ListRuns(filter, tracked_.before, candidates_));
  tracked_.next_before = page.next_before;
  const ViewTime time{ReadClock().wall, parts_.serving_since};
  for (const storage::TrackedRun& run : page.runs) {
    RunSource::Entry& entry = tracked_.entries.emplace_back();
    entry.sequence = run.sequence;
    ToProto(run, time, entry.run);
  }
  return {};
}

void RunListing::Answer() {
  MergedRuns merged = Merge(std::move(jobs_), std::move(tracked_), request_, limit_);
  if (merged.runs.empty() && !merged.more) {  // perhaps because there is no such workspace
    *reply_ = Encode(v1::ListRunsReply());
    const auto nothing = [](const Core&, Now) { return Status(); };
    return static_cast<void>(QueryAndFinish(parts_.loop, reactor_, workspace_, nothing));
  }
  v1::ListRunsReply reply;
  for (v1::Run& run : merged.runs) *reply.add_runs() = std::move(run);
  if (merged.more) {
    reply.set_next_page_token(EncodePairPageToken({merged.jobs_before, merged.tracked_before}));
  }
  *reply_ = Encode(reply);
  reactor_->Finish(grpc::Status::OK);
}

void RunListing::Refuse(const Error& error) { FinishWith(reactor_, error); }

}  // namespace muster::server
