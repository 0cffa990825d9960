#include "server/tracking/tracking_service.h"

#include <functional>
#include <set>
#include <utility>

#include "server/auth/principal.h"
#include "server/rpc/bounded_decode.h"
#include "server/rpc/change_request.h"
#include "server/rpc/job_conversion.h"
#include "server/rpc/names.h"
#include "server/rpc/page_token.h"
#include "server/rpc/unary.h"
#include "server/tracking/experiment_listing.h"
#include "server/tracking/job_views.h"
#include "server/tracking/run_checks.h"
#include "server/tracking/run_listing.h"
#include "server/tracking/run_view.h"

namespace muster::server {
namespace {

namespace v1 = muster::v1;
using storage::RunId;

// A full batch of values, each with all its fields.
constexpr std::size_t kMaxAppendFields = 100'000;
constexpr std::uint32_t kMaxPageValues = 10'000;
constexpr std::size_t kMaxPageBytes = std::size_t{2} << 20;
constexpr std::size_t kJobsOfExperiments = 100'000;

// INVALID_ARGUMENT for an id that no run can have.
Status CheckId(const std::string& run_id) {
  std::vector<Fault> faults;
  CheckRunId("run_id", run_id, faults);
  return faults.empty() ? Status() : Fail(InvalidRequest(std::move(faults)));
}

// A change that a program needs to go on or to end, and that takes no more room.
bool IsSmall(const storage::TrackingChange& change) {
  const auto* update = std::get_if<storage::UpdateRun>(&change.body);
  return update != nullptr && update->set_tags.empty() && update->add_properties.empty() &&
         !update->display_name;
}

RunId RunNamedBy(const storage::TrackingChange& change) {
  if (const auto* update = std::get_if<storage::UpdateRun>(&change.body)) return update->run;
  if (const auto* append = std::get_if<storage::AppendMetrics>(&change.body)) return append->run;
  return {};
}

}  // namespace

struct TrackingService::Write {
  grpc::ServerUnaryReactor* reactor;
  grpc::ByteBuffer* reply;
  std::shared_ptr<storage::TrackingChange> change;
  std::function<grpc::ByteBuffer(const storage::TrackingAnswer&)> encode;
  bool looked_up = false;  // whether its run is a job
};

grpc::ServerUnaryReactor* TrackingService::GetRunFor(const scheduler::Principal& caller,
                                                     const v1::GetRunRequest& request,
                                                     v1::GetRunReply* reply,
                                                     grpc::ServerUnaryReactor* reactor) const {
  Result<WorkspaceName> workspace = WorkspaceFor(caller, request.workspace());
  if (!workspace) return FinishWith(reactor, workspace.error());
  if (const Status id = CheckId(request.run_id()); !id) return FinishWith(reactor, id.error());
  const bool queued =
      parts_.readers.Submit([this, reactor, reply, workspace = *workspace,
                             id = RunId(request.run_id())](storage::TrackingReader& reader) {
        Result<std::optional<storage::TrackedRun>> run = reader.GetRun(workspace, id);
        if (!run) return static_cast<void>(FinishWith(reactor, StateUnread(run.error())));
        if (*run && (*run)->kind != storage::RunKind::kJob) {
          ToProto(**run, ViewTime{ReadClock().wall, parts_.serving_since}, *reply->mutable_run());
          return reactor->Finish(grpc::Status::OK);
        }
        parts_.history.Continue(
            [reactor, reply, workspace, id, run = std::move(*run)](storage::History& history) {
              const Result<std::optional<JobView>> view = FindJob(history, workspace, id);
              if (!view) return static_cast<void>(FinishWith(reactor, StateUnread(view.error())));
              if (!*view) return static_cast<void>(FinishWith(reactor, storage::UnknownRun(id)));
              ToProto(**view, run ? &*run : nullptr, *reply->mutable_run());
              reactor->Finish(grpc::Status::OK);
            });
      });
  return queued ? reactor : FinishWith(reactor, Overloaded());
}

grpc::ServerUnaryReactor* TrackingService::ListRuns(grpc::CallbackServerContext* context,
                                                    const grpc::ByteBuffer* raw,
                                                    grpc::ByteBuffer* reply) {
  auto* reactor = context->DefaultReactor();
  v1::ListRunsRequest request;
  if (const Status decoded = DecodeBounded(*raw, request); !decoded) {
    return FinishWith(reactor, decoded.error());
  }
  return ListRunsFor(PrincipalOf(*context), std::move(request), reply, reactor);
}

grpc::ServerUnaryReactor* TrackingService::ListRunsFor(const scheduler::Principal& caller,
                                                       v1::ListRunsRequest request,
                                                       grpc::ByteBuffer* reply,
                                                       grpc::ServerUnaryReactor* reactor) const {
  Result<WorkspaceName> workspace = WorkspaceFor(caller, request.workspace());
  if (!workspace) return FinishWith(reactor, workspace.error());
  std::vector<Fault> faults;
  CheckFilter(request, faults);
  if (!faults.empty()) return FinishWith(reactor, InvalidRequest(std::move(faults)));
  RunListing::Start(parts_, reactor, reply, *workspace, std::move(request));
  return reactor;
}

grpc::ServerUnaryReactor* TrackingService::ListExperiments(
    grpc::CallbackServerContext* context, const v1::ListExperimentsRequest* request,
    v1::ListExperimentsReply* reply) {
  auto* reactor = context->DefaultReactor();
  Result<WorkspaceName> workspace = WorkspaceFor(PrincipalOf(*context), request->workspace());
  if (!workspace) return FinishWith(reactor, workspace.error());
  Result<std::string> after = DecodeNamePageToken(request->page_token());
  if (!after) return FinishWith(reactor, after.error());
  const Result<std::size_t> limit = DecodePageSize(request->page_size());
  if (!limit) return FinishWith(reactor, limit.error());
  const bool queued = parts_.history.Submit([this, reactor, reply, workspace = *workspace,
                                             after = std::move(*after),
                                             limit = *limit](storage::History& history) {
    auto of_jobs = history.ListExperiments(workspace, after, limit + 1, kJobsOfExperiments);
    if (!of_jobs) return static_cast<void>(FinishWith(reactor, StateUnread(of_jobs.error())));
    parts_.readers.Continue([this, reactor, reply, workspace, after, limit,
                             of_jobs = std::move(*of_jobs)](storage::TrackingReader& reader) {
      const auto of_tracked = reader.ListExperiments(workspace, after, limit + 1);
      if (!of_tracked) {
        return static_cast<void>(FinishWith(reactor, StateUnread(of_tracked.error())));
      }
      MergeExperiments(of_jobs, *of_tracked, limit, *reply);
      QueryAndFinish(parts_.loop, reactor, workspace, [](const Core&, Now) { return Status(); });
    });
  });
  return queued ? reactor : FinishWith(reactor, Overloaded());
}

Status TrackingService::DecodeCreate(const grpc::ByteBuffer& raw,
                                     grpc::CallbackServerContext& context, Write& write) {
  v1::CreateRunsRequest request;
  MUSTER_TRY(DecodeBounded(raw, request));
  std::vector<Fault> faults;
  storage::CreateRuns create = Decode(request, faults);
  MUSTER_ASSIGN(ChangeRequest change,
                DecodeChange(context, "/muster.v1.TrackingService/CreateRuns", request,
                             request.workspace(), std::move(faults)));
  *write.change = {change.principal, change.workspace, ReadClock().wall, change.idempotency, {},
                   std::move(create)};
  write.encode = [](const storage::TrackingAnswer&) { return Encode(v1::CreateRunsReply()); };
  return {};
}

Status TrackingService::DecodeUpdate(const grpc::ByteBuffer& raw,
                                     grpc::CallbackServerContext& context, Write& write) {
  v1::UpdateRunRequest request;
  MUSTER_TRY(DecodeBounded(raw, request));
  std::vector<Fault> faults;
  storage::UpdateRun update = Decode(request, faults);
  MUSTER_ASSIGN(ChangeRequest change,
                DecodeChange(context, "/muster.v1.TrackingService/UpdateRun", request,
                             request.workspace(), std::move(faults)));
  *write.change = {change.principal, change.workspace, ReadClock().wall, change.idempotency, {},
                   std::move(update)};
  write.encode = [](const storage::TrackingAnswer& answer) {
    v1::UpdateRunReply reply;
    if (answer.status) reply.set_status(ToProto(*answer.status));
    return Encode(reply);
  };
  return {};
}

Status TrackingService::DecodeAppend(const grpc::ByteBuffer& raw,
                                     grpc::CallbackServerContext& context, Write& write) {
  v1::AppendMetricsRequest request;
  MUSTER_TRY(DecodeBounded(raw, request, kMaxAppendFields));
  const scheduler::Principal caller = PrincipalOf(context);
  MUSTER_ASSIGN(const WorkspaceName workspace, WorkspaceFor(caller, request.workspace()));
  std::vector<Fault> faults;
  storage::AppendMetrics append = Decode(request, faults);
  if (!faults.empty()) return Fail(InvalidRequest(std::move(faults)));
  *write.change = {caller, workspace, ReadClock().wall, {}, {}, std::move(append)};
  write.encode = [](const storage::TrackingAnswer& answer) {
    v1::AppendMetricsReply reply;
    reply.set_next(answer.next);
    return Encode(reply);
  };
  return {};
}

grpc::ServerUnaryReactor* TrackingService::CreateRuns(grpc::CallbackServerContext* context,
                                                      const grpc::ByteBuffer* raw,
                                                      grpc::ByteBuffer* reply) {
  auto* reactor = context->DefaultReactor();
  const auto write = std::make_shared<Write>(
      Write{reactor, reply, std::make_shared<storage::TrackingChange>(), {}, true});
  Status ready = DecodeCreate(*raw, *context, *write);
  if (ready) ready = Reserve(*write);
  if (!ready) return FinishWith(reactor, ready.error());
  parts_.loop.Query([this, write](const Core& core, Now) {
    const WorkspaceName& workspace = write->change->workspace;
    if (core.state().workspaces.contains(workspace)) return CheckIds(write);
    FinishWith(write->reactor, Error{ErrorCode::kNotFound, ErrorReason::kUnknownWorkspace,
                                     "there is no workspace \"" + workspace.str() + "\""});
  });
  return reactor;
}

grpc::ServerUnaryReactor* TrackingService::UpdateRun(grpc::CallbackServerContext* context,
                                                     const grpc::ByteBuffer* raw,
                                                     grpc::ByteBuffer* reply) {
  auto* reactor = context->DefaultReactor();
  const auto write = std::make_shared<Write>(
      Write{reactor, reply, std::make_shared<storage::TrackingChange>(), {}, false});
  Status ready = DecodeUpdate(*raw, *context, *write);
  if (ready) ready = Reserve(*write);
  if (!ready) return FinishWith(reactor, ready.error());
  Submit(write);
  return reactor;
}

grpc::ServerUnaryReactor* TrackingService::AppendMetrics(grpc::CallbackServerContext* context,
                                                         const grpc::ByteBuffer* raw,
                                                         grpc::ByteBuffer* reply) {
  auto* reactor = context->DefaultReactor();
  const auto write = std::make_shared<Write>(
      Write{reactor, reply, std::make_shared<storage::TrackingChange>(), {}, false});
  Status ready = DecodeAppend(*raw, *context, *write);
  if (ready) ready = Reserve(*write);
  if (!ready) return FinishWith(reactor, ready.error());
  Submit(write);
  return reactor;
}

Status TrackingService::Reserve(const Write& write) const {
  const std::uint64_t bytes = SizeOf(*write.change);
  const bool fits =
      IsSmall(*write.change) ? parts_.disk.FitsLogs(bytes) : parts_.disk.FitsNewWork(bytes);
  if (fits) {
    parts_.disk.NoteWrite(bytes);
    return {};
  }
  return Fail(ErrorCode::kResourceExhausted, ErrorReason::kDiskReserve,
              "the server's disk has " + std::to_string(parts_.disk.free_bytes()) +
                  " bytes free and keeps a reserve of " +
                  std::to_string(parts_.disk.reserve_bytes()) +
                  "; run records grow again once there is room");
}

void TrackingService::CheckIds(const WritePointer& write) {
  const bool queued = parts_.history.Submit([this, write](storage::History& history) {
    if (const Status found = LookUpJobs(history, *write); !found) {
      return static_cast<void>(FinishWith(write->reactor, found.error()));
    }
    Submit(write);
  });
  if (!queued) FinishWith(write->reactor, Overloaded());
}

Status TrackingService::LookUpJobs(storage::History& history, Write& write) const {
  const auto& create = std::get<storage::CreateRuns>(write.change->body);
  std::set<RunId> made;
  std::set<RunId> parents;
  for (const storage::NewRun& run : create.runs) {
    const Result<std::optional<JobView>> job = FindJob(history, write.change->workspace, run.id);
    if (!job) return Fail(StateUnread(job.error()));
    if (*job) {
      return Fail(
          ErrorCode::kAlreadyExists, ErrorReason::kNameTaken,
          "\"" + run.id.str() + "\" is the id of a job; every new run needs an id of its own");
    }
    if (!run.parent.empty() && !made.contains(run.parent)) parents.insert(run.parent);
    made.insert(run.id);
  }
  for (const RunId& parent : parents) {
    Result<std::optional<JobView>> job = FindJob(history, write.change->workspace, parent);
    if (!job) return Fail(StateUnread(job.error()));
    if (*job) write.change->jobs.push_back(RunOf(std::move(**job)));
  }
  return {};
}

void TrackingService::Submit(const WritePointer& write) {
  parts_.store.Submit(write->change, [this, write](Result<storage::TrackingAnswer> answer) {
    if (answer) {
      *write->reply = write->encode(*answer);
      return write->reactor->Finish(grpc::Status::OK);
    }
    const bool unknown = answer.error().reason == ErrorReason::kUnknownRun;
    if (unknown && !std::exchange(write->looked_up, true)) return LookUpRun(write);
    FinishWith(write->reactor, answer.error());
  });
}

void TrackingService::LookUpRun(const WritePointer& write) {
  parts_.history.Continue([this, write](storage::History& history) {
    const RunId run = RunNamedBy(*write->change);
    Result<std::optional<JobView>> job = FindJob(history, write->change->workspace, run);
    if (!job) return static_cast<void>(FinishWith(write->reactor, StateUnread(job.error())));
    if (!*job) return static_cast<void>(FinishWith(write->reactor, storage::UnknownRun(run)));
    write->change->jobs.push_back(RunOf(std::move(**job)));
    Submit(write);
  });
}

grpc::ServerUnaryReactor* TrackingService::ReadMetricsFor(const scheduler::Principal& caller,
                                                          const v1::ReadMetricsRequest& request,
                                                          v1::ReadMetricsReply* reply,
                                                          grpc::ServerUnaryReactor* reactor) const {
  Result<WorkspaceName> workspace = WorkspaceFor(caller, request.workspace());
  if (!workspace) return FinishWith(reactor, workspace.error());
  if (const Status id = CheckId(request.run_id()); !id) return FinishWith(reactor, id.error());
  const Result<TokenPair> after = DecodePairPageToken(request.page_token());
  if (!after) return FinishWith(reactor, after.error());
  if (request.page_size() > kMaxPageValues) {
    return FinishWith(reactor, Error{ErrorCode::kInvalidArgument, ErrorReason::kTooMany,
                                     "page_size is " + std::to_string(request.page_size()) +
                                         "; at most 10,000 are allowed"});
  }
  const std::uint32_t size = request.page_size() == 0 ? kMaxPageValues : request.page_size();
  storage::MetricQuery query{*workspace,     RunId(request.run_id()),
                             request.name(), {after->first, after->second},
                             size,           kMaxPageBytes};
  const bool queued = parts_.readers.Submit(
      [this, reactor, reply, query = std::move(query)](storage::TrackingReader& reader) {
        const Result<std::optional<storage::MetricPage>> page = reader.ReadMetrics(query);
        if (!page) return static_cast<void>(FinishWith(reactor, StateUnread(page.error())));
        if (*page) {
          for (const storage::Metric& metric : (*page)->values)
            ToProto(metric, *reply->add_values());
          if (const auto& next = (*page)->next) {
            reply->set_next_page_token(EncodePairPageToken({next->name, next->position}));
          }
          return reactor->Finish(grpc::Status::OK);
        }
        // Perhaps a job of which nothing is tracked.
        parts_.history.Continue([reactor, query](storage::History& history) {
          const Result<std::optional<JobView>> job = FindJob(history, query.workspace, query.run);
          if (!job) return static_cast<void>(FinishWith(reactor, StateUnread(job.error())));
          if (!*job) return static_cast<void>(FinishWith(reactor, storage::UnknownRun(query.run)));
          reactor->Finish(grpc::Status::OK);
        });
      });
  return queued ? reactor : FinishWith(reactor, Overloaded());
}

}  // namespace muster::server
