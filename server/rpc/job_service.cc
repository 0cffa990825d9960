#include "server/rpc/job_service.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

#include "scheduler/lifecycle/cancel.h"
#include "scheduler/placement/explain.h"
#include "server/auth/principal.h"
#include "server/rpc/bounded_decode.h"
#include "server/rpc/change_request.h"
#include "server/rpc/field_checks.h"
#include "server/rpc/idempotency.h"
#include "server/rpc/job_conversion.h"
#include "server/rpc/job_watch.h"
#include "server/rpc/page_token.h"
#include "server/rpc/spec_validation.h"
#include "server/rpc/state_faults.h"
#include "server/rpc/unary.h"

namespace muster::server {
namespace {

namespace v1 = muster::v1;

constexpr std::uint32_t kDefaultPage = 100;
constexpr std::uint32_t kMaxPage = 1'000;
// Jobs that one ListJobs looks at, however few its filter lets through.
constexpr std::size_t kMaxExamined = 10'000;

Error UnknownJob(const std::string& id) {
  return Error{ErrorCode::kNotFound, ErrorReason::kUnknownJob,
               "there is no job \"" + CutForFault(id) + "\" in this workspace"};
}

Error BadRequest(std::string message) {
  return Error{ErrorCode::kInvalidArgument, ErrorReason::kInvalidSpec, std::move(message)};
}

// The specification's faults, as fields of the request.
std::vector<Fault> UnderSpec(std::vector<Fault> faults) {
  for (Fault& fault : faults) {
    if (fault.field != "spec") fault.field = "spec." + fault.field;
  }
  return faults;
}

Result<storage::JobFilter> FilterOf(const v1::ListJobsRequest& request,
                                    const WorkspaceName& workspace) {
  storage::JobFilter filter;
  filter.workspace = workspace;
  filter.experiment = request.experiment();
  filter.user = UserName(request.user());
  filter.pool = PoolName(request.pool());
  for (const int number : request.statuses()) {
    const auto status = StatusFromProto(number);
    if (!status) {
      return Fail(BadRequest("statuses: " + std::to_string(number) + " is not a job status"));
    }
    // Each once, however often it is named: the query grows with them.
    if (std::ranges::find(filter.statuses, *status) == filter.statuses.end()) {
      filter.statuses.push_back(*status);
    }
  }
  return filter;
}

}  // namespace

struct JobService::Submission {
  grpc::ServerUnaryReactor* reactor;
  grpc::ByteBuffer* reply;
  scheduler::Principal caller;
  v1::SubmitJobRequest request;
  WorkspaceName workspace;
  std::vector<Fault> faults;         // of the request by itself
  std::vector<Fault> missing_paths;  // of data references
};

struct JobService::Cancellation {
  grpc::ServerUnaryReactor* reactor;
  v1::CancelJobReply* reply;
  scheduler::Principal caller;
  WorkspaceName workspace;
  JobId job;
};

// Of method, user and content, as rpc/idempotency.h does it, without another copy of the
// specification.
Digest JobService::DigestOf(const Submission& submission, std::string_view given_spec) {
  constexpr std::string_view kEnd("\0", 1);
  Hasher hasher;
  for (const std::string_view part : {std::string_view("/muster.v1.JobService/SubmitJob"),
                                      std::string_view(submission.caller.user.str()),
                                      std::string_view(submission.workspace.str())}) {
    hasher.Update(part);
    hasher.Update(kEnd);
  }
  hasher.Update(given_spec);
  return hasher.Finish();
}

grpc::ServerUnaryReactor* JobService::SubmitJob(grpc::CallbackServerContext* context,
                                                const grpc::ByteBuffer* raw,
                                                grpc::ByteBuffer* reply) {
  auto* reactor = context->DefaultReactor();
  const auto submission = std::make_shared<Submission>(
      Submission{reactor, reply, PrincipalOf(*context), {}, {}, {}, {}});
  const v1::SubmitJobRequest& request = submission->request;
  const Status decoded = DecodeBounded(*raw, submission->request);
  if (!decoded) return FinishWith(reactor, decoded.error());
  Result<WorkspaceName> workspace = WorkspaceFor(submission->caller, request.workspace());
  if (!workspace) return FinishWith(reactor, workspace.error());
  submission->workspace = std::move(*workspace);
  CheckRequestId(request.request_id(), submission->faults);
  std::ranges::move(UnderSpec(ValidateSpec(request.spec())),
                    std::back_inserter(submission->faults));
  CheckSnapshot(submission);
  return reactor;
}

void JobService::CheckSnapshot(const std::shared_ptr<Submission>& submission) {
  const auto digest = Digest::Parse(submission->request.spec().snapshot_digest());
  if (!digest || known_blobs_.Contains(*digest)) return CheckPaths(submission);
  const bool queued = parts_.io.Submit([this, submission, digest = *digest](std::size_t) {
    if (parts_.blobs.Has(digest)) {
      known_blobs_.Add(digest);
    } else {
      AddFault(submission->faults, "spec.snapshot_digest",
               submission->request.spec().snapshot_digest(),
               "the server has no such blob; upload the source directory first");
    }
    CheckPaths(submission);
  });
  if (!queued) FinishWith(submission->reactor, Overloaded());
}

void JobService::CheckPaths(const std::shared_ptr<Submission>& submission) {
  parts_.path_check.Check(submission->workspace, submission->request.spec(),
                          [this, submission](std::vector<Fault> missing) {
                            submission->missing_paths = UnderSpec(std::move(missing));
                            const bool is_sound =
                                submission->faults.empty() && submission->missing_paths.empty();
                            is_sound ? Post(submission) : Refuse(submission);
                          });
}

void JobService::Refuse(const std::shared_ptr<Submission>& submission) {
  parts_.loop.Query([this, submission](const Core& core, Now) {
    const scheduler::RequestKey key{submission->workspace, submission->request.request_id()};
    // Accepted before: the answer stays the same, whatever became of the paths.
    if (submission->faults.empty() && core.state().answered.contains(key)) return Post(submission);
    std::vector<Fault> faults = std::move(submission->faults);
    std::ranges::move(submission->missing_paths, std::back_inserter(faults));
    for (Fault& fault :
         UnderSpec(StateFaults(core.state(), submission->workspace, submission->request.spec()))) {
      const bool known = std::ranges::any_of(
          faults, [&](const Fault& other) { return other.field == fault.field; });
      if (!known) faults.push_back(std::move(fault));
    }
    FinishWith(submission->reactor, SpecError(std::move(faults)));
  });
}

void JobService::Post(const std::shared_ptr<Submission>& submission) {
  const v1::SubmitJobRequest& request = submission->request;
  google::protobuf::Arena arena;
  const v1::JobSpec& resolved = *ResolveSpec(request.spec(), parts_.defaults, arena);
  scheduler::SubmitJob command;
  command.workspace = submission->workspace;
  command.experiment = request.spec().experiment();
  command.requirements = RequirementsOf(resolved);
  command.datastores = DatastoresOf(resolved);
  command.given_spec = SerializeDeterministic(request.spec());
  command.resolved_spec = std::make_shared<const std::string>(SerializeDeterministic(resolved));
  command.idempotency = {request.request_id(), DigestOf(*submission, command.given_spec)};
  parts_.loop.Post(
      scheduler::Command{submission->caller, std::move(command)},
      [submission](Result<ReplyValue> result) { Answer(*submission, std::move(result)); });
}

void JobService::Answer(const Submission& submission, Result<ReplyValue> result) {
  if (result) {
    v1::SubmitJobReply reply;
    reply.set_job_id(std::move(result->entity));
    *submission.reply = Encode(reply);
    submission.reactor->Finish(grpc::Status::OK);
  } else if (result.error().faults.empty()) {
    FinishWith(submission.reactor, result.error());
  } else {
    FinishWith(submission.reactor, SpecError(UnderSpec(std::move(result.error().faults))));
  }
}

grpc::ServerUnaryReactor* JobService::GetJobFor(const scheduler::Principal& caller,
                                                const v1::GetJobRequest& request,
                                                v1::GetJobReply* reply,
                                                grpc::ServerUnaryReactor* reactor) const {
  Result<WorkspaceName> workspace = WorkspaceFor(caller, request.workspace());
  if (!workspace) return FinishWith(reactor, workspace.error());
  const bool queued =
      parts_.history.Submit([this, reactor, reply, workspace = *workspace,
                             id = JobId(request.job_id())](storage::History& history) {
        const auto record = history.GetJob(workspace, id);
        if (!record) return static_cast<void>(FinishWith(reactor, StateUnread(record.error())));
        if (!*record) return static_cast<void>(FinishWith(reactor, UnknownJob(id.str())));
        const Status converted = ToProto(**record, *reply->mutable_job());
        if (!converted)
          return static_cast<void>(FinishWith(reactor, StateUnread(converted.error())));
        if ((*record)->job.status == scheduler::JobStatus::kQueued) {
          return Explain(reactor, id, reply);
        }
        reactor->Finish(grpc::Status::OK);
      });
  return queued ? reactor : FinishWith(reactor, Overloaded());
}

void JobService::Explain(grpc::ServerUnaryReactor* reactor, const JobId& job,
                         v1::GetJobReply* reply) const {
  parts_.loop.Query([reactor, job, reply](const Core& core, Now now) {
    const auto usable = [&core](const NodeId& node) {
      const Core::NodeSoftState soft = core.Soft(node);
      return soft.connected && soft.responding && !soft.disk_low;
    };
    const auto found = core.state().jobs.find(job);
    if (found != core.state().jobs.end() && found->second.status == scheduler::JobStatus::kQueued) {
      ToProto(scheduler::Explain(core.state(), usable, job, now.wall),
              *reply->mutable_job()->mutable_pending());
    }
    reactor->Finish(grpc::Status::OK);
  });
}

grpc::ServerUnaryReactor* JobService::ListJobs(grpc::CallbackServerContext* context,
                                               const v1::ListJobsRequest* request,
                                               v1::ListJobsReply* reply) {
  auto* reactor = context->DefaultReactor();
  Result<WorkspaceName> workspace = WorkspaceFor(PrincipalOf(*context), request->workspace());
  if (!workspace) return FinishWith(reactor, workspace.error());
  const Result<std::uint64_t> before = DecodePageToken(request->page_token());
  if (!before) return FinishWith(reactor, before.error());
  if (request->page_size() > kMaxPage) {
    return FinishWith(reactor, BadRequest("page_size: " + std::to_string(request->page_size()) +
                                          " is over the limit of 1,000"));
  }
  Result<storage::JobFilter> filter = FilterOf(*request, *workspace);
  if (!filter) return FinishWith(reactor, filter.error());
  const std::size_t limit = request->page_size() == 0 ? kDefaultPage : request->page_size();
  const bool queued = parts_.history.Submit([this, reactor, reply, filter = std::move(*filter),
                                             before = *before, limit](storage::History& history) {
    const auto page = history.ListJobs(filter, before, limit, kMaxExamined);
    if (!page) return static_cast<void>(FinishWith(reactor, StateUnread(page.error())));
    if (page->records.empty() &&
        page->next_before == 0) {  // perhaps because there is no such workspace
      const auto nothing = [](const Core&, Now) { return Status(); };
      return static_cast<void>(QueryAndFinish(parts_.loop, reactor, filter.workspace, nothing));
    }
    for (const storage::JobRecord& record : page->records) ToProto(record.job, *reply->add_jobs());
    if (page->next_before != 0) reply->set_next_page_token(EncodePageToken(page->next_before));
    reactor->Finish(grpc::Status::OK);
  });
  return queued ? reactor : FinishWith(reactor, Overloaded());
}

grpc::ServerUnaryReactor* JobService::CancelJobFor(const scheduler::Principal& caller,
                                                   const v1::CancelJobRequest& request,
                                                   v1::CancelJobReply* reply,
                                                   grpc::ServerUnaryReactor* reactor) const {
  Result<WorkspaceName> workspace = WorkspaceFor(caller, request.workspace());
  if (!workspace) return FinishWith(reactor, workspace.error());
  std::vector<Fault> faults;
  CheckRequestId(request.request_id(), faults);
  if (!faults.empty()) {
    Error error = BadRequest("request_id " + faults.front().message);
    error.faults = std::move(faults);
    return FinishWith(reactor, error);
  }
  const auto cancellation = std::make_shared<Cancellation>(
      Cancellation{reactor, reply, caller, *workspace, JobId(request.job_id())});
  scheduler::CancelJob command{std::move(*workspace),
                               IdempotencyOf("/muster.v1.JobService/CancelJob", caller, request),
                               cancellation->job};
  parts_.loop.Post(scheduler::Command{caller, std::move(command)},
                   [this, cancellation](const Result<ReplyValue>& result) {
                     grpc::ServerUnaryReactor* call = cancellation->reactor;
                     if (!result && result.error().reason == ErrorReason::kUnknownJob) {
                       return AnswerEnded(cancellation);
                     }
                     if (!result) return static_cast<void>(FinishWith(call, result.error()));
                     cancellation->reply->set_status(ToProto(result->job_status));
                     call->Finish(grpc::Status::OK);
                   });
  return reactor;
}

void JobService::AnswerEnded(const std::shared_ptr<Cancellation>& cancellation) const {
  parts_.history.Continue([cancellation](storage::History& history) {
    grpc::ServerUnaryReactor* call = cancellation->reactor;
    const auto record = history.GetJob(cancellation->workspace, cancellation->job);
    if (!record) return static_cast<void>(FinishWith(call, StateUnread(record.error())));
    if (!*record) {
      return static_cast<void>(FinishWith(call, UnknownJob(cancellation->job.str())));
    }
    const scheduler::Job& job = (*record)->job;
    const Status allowed = scheduler::MayCancel(cancellation->caller, job);
    if (!allowed) return static_cast<void>(FinishWith(call, allowed.error()));
    cancellation->reply->set_status(ToProto(job.status));
    call->Finish(grpc::Status::OK);
  });
}

grpc::ServerWriteReactor<v1::JobEvent>* JobService::WatchJobs(grpc::CallbackServerContext* context,
                                                              const v1::WatchJobsRequest* request) {
  const auto watch = std::make_shared<JobWatch>(parts_, context, JobId(request->job_id()),
                                                request->after_sequence());
  auto* reactor = watch->Own(parts_.stalls);
  const scheduler::Principal caller = PrincipalOf(*context);
  if (!watch->Admit(parts_.tickets, caller)) return reactor;
  watch->Begin(WorkspaceFor(caller, request->workspace()));
  return reactor;
}

}  // namespace muster::server
