#include "server/tracking/attempt_calls.h"

#include <google/protobuf/util/json_util.h>

#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include "server/rpc/bounded_decode.h"
#include "server/rpc/inner_call.h"
#include "server/rpc/placement_cache.h"
#include "server/rpc/unary.h"

namespace muster::server {
namespace {

namespace v1 = muster::v1;
namespace util = google::protobuf::util;

constexpr std::size_t kMaxCallBytes = std::size_t{1} << 20;
constexpr std::size_t kMaxAnswerBytes = std::size_t{8} << 20;
constexpr std::uint32_t kMaxFileChunkBytes = std::uint32_t{256} << 10;

Error InvalidCall(std::string message) {
  return Error{ErrorCode::kInvalidArgument, ErrorReason::kInvalidSpec, std::move(message)};
}

// Who a script is to the handlers.
std::optional<scheduler::Principal> FindCaller(const scheduler::State& state, const NodeId& node,
                                               const AttemptId& attempt) {
  const auto workspace = FindPlacement(state, node, attempt);
  const auto job = state.jobs.find(attempt.job);
  if (!workspace || job == state.jobs.end()) return std::nullopt;
  scheduler::Principal caller;
  caller.role = scheduler::Role::kAttempt;
  caller.user = job->second.user;
  caller.workspace = *workspace;
  return caller;
}

}  // namespace

struct AttemptCalls::Method {
  std::string_view name;
  void (AttemptCalls::*run)(const CallPointer&) const;
};

struct AttemptCalls::Call : std::enable_shared_from_this<Call> {
  Call(NodeId caller_node, const v1::CallForAttemptRequest& call_request,
       v1::CallForAttemptReply& call_reply, grpc::ServerUnaryReactor* call_reactor)
      : node(std::move(caller_node)),
        attempt{JobId(call_request.job_id()), call_request.attempt()},
        request(call_request),
        reply(call_reply),
        reactor(call_reactor) {}

  NodeId node;
  AttemptId attempt;
  const v1::CallForAttemptRequest& request;
  v1::CallForAttemptReply& reply;
  grpc::ServerUnaryReactor* reactor;
  const Method* method = nullptr;
  scheduler::Principal caller;

  void Refuse(const Error& error) const { FinishWith(reactor, error); }

  // False: it is no such message, and the call has ended.
  bool Decode(google::protobuf::Message& message) const {
    const auto status = util::JsonStringToMessage(request.request_json(), &message);
    if (status.ok()) return true;
    Refuse(InvalidCall("the request is no JSON of a " + message.GetDescriptor()->name() + ": " +
                       std::string(status.message().substr(0, 200))));
    return false;
  }

  void Answer(const google::protobuf::Message& message) const {
    std::string text;
    const auto status = util::MessageToJsonString(message, &text);
    if (!status.ok()) return Refuse(InvalidCall("the reply has no JSON form"));
    if (text.size() > kMaxAnswerBytes) {
      return Refuse(Error{ErrorCode::kResourceExhausted, ErrorReason::kTooLarge,
                          "the reply has " + std::to_string(text.size()) +
                              " bytes as JSON; at most 8 MiB are allowed: ask for smaller pages"});
    }
    reply.set_reply_json(std::move(text));
    reactor->Finish(grpc::Status::OK);
  }

  // A reply that a handler fills, and the reactor by which it says so.
  template <class Reply>
  std::pair<Reply*, grpc::ServerUnaryReactor*> Expect() {
    auto filled = std::make_shared<Reply>();
    Reply* place = filled.get();
    auto* inner = InnerCall::Begin([call = shared_from_this(), filled](const grpc::Status& status) {
      if (status.ok()) return call->Answer(*filled);
      call->reactor->Finish(status);
    });
    return {place, inner};
  }

  // The job that a request names, if it is the attempt's own; the call has ended otherwise.
  bool IsOwn(const std::string& job_id) const {
    if (job_id == attempt.job.str()) return true;
    Refuse(Error{ErrorCode::kPermissionDenied, ErrorReason::kWrongRole,
                 "a script may ask for its own job alone, which is " + attempt.job.str()});
    return false;
  }
};

const AttemptCalls::Method* AttemptCalls::FindMethod(const std::string& name) {
  static constexpr std::array kMethods = {Method{"GetRun", &AttemptCalls::GetRun},
                                          Method{"ListRuns", &AttemptCalls::ListRuns},
                                          Method{"ReadMetrics", &AttemptCalls::ReadMetrics},
                                          Method{"ListRunFiles", &AttemptCalls::ListRunFiles},
                                          Method{"ReadRunFile", &AttemptCalls::ReadRunFile},
                                          Method{"GetJob", &AttemptCalls::GetJob},
                                          Method{"CancelJob", &AttemptCalls::CancelJob}};
  for (const Method& method : kMethods) {
    if (method.name == name) return &method;
  }
  return nullptr;
}

void AttemptCalls::Take(const NodeId& node, const v1::CallForAttemptRequest& request,
                        v1::CallForAttemptReply& reply, grpc::ServerUnaryReactor* reactor) const {
  const auto call = std::make_shared<Call>(node, request, reply, reactor);
  if (request.request_json().size() > kMaxCallBytes) {
    return call->Refuse(InvalidCall("request_json has " +
                                    std::to_string(request.request_json().size()) +
                                    " bytes; at most 1 MiB is allowed"));
  }
  call->method = FindMethod(request.method());
  if (call->method == nullptr) {
    return call->Refuse(Error{ErrorCode::kUnimplemented, ErrorReason::kUnspecified,
                              "there is no such method for scripts: GetRun, ListRuns, ReadMetrics, "
                              "ListRunFiles, ReadRunFile, GetJob and CancelJob are"});
  }
  parts_.loop.Query([this, call](const Core& core, Now) {
    auto caller = FindCaller(core.state(), call->node, call->attempt);
    if (!caller) {
      return call->Refuse(
          Error{ErrorCode::kNotFound, ErrorReason::kUnknownJob,
                "attempt " + ToString(call->attempt) + " is not on node " + call->node.str()});
    }
    call->caller = std::move(*caller);
    Start(call);
  });
}

// Not on the core's thread: requests and replies may be large.
void AttemptCalls::Start(const CallPointer& call) const {
  const bool queued =
      parts_.io.Submit([this, call](std::size_t) { (this->*call->method->run)(call); });
  if (!queued) call->Refuse(Overloaded());
}

void AttemptCalls::GetRun(const CallPointer& call) const {
  v1::GetRunRequest request;
  if (!call->Decode(request)) return;
  const auto [reply, reactor] = call->Expect<v1::GetRunReply>();
  runs_.GetRunFor(call->caller, request, reply, reactor);
}

void AttemptCalls::ListRuns(const CallPointer& call) const {
  v1::ListRunsRequest request;
  if (!call->Decode(request)) return;
  auto raw = std::make_shared<grpc::ByteBuffer>();
  auto* reactor = InnerCall::Begin([call, raw](const grpc::Status& status) {
    if (!status.ok()) return call->reactor->Finish(status);
    v1::ListRunsReply reply;
    if (const Status decoded = DecodeBounded(*raw, reply, kMaxAnswerBytes); !decoded) {
      return call->Refuse(decoded.error());
    }
    call->Answer(reply);
  });
  runs_.ListRunsFor(call->caller, std::move(request), raw.get(), reactor);
}

void AttemptCalls::ReadMetrics(const CallPointer& call) const {
  v1::ReadMetricsRequest request;
  if (!call->Decode(request)) return;
  const auto [reply, reactor] = call->Expect<v1::ReadMetricsReply>();
  runs_.ReadMetricsFor(call->caller, request, reply, reactor);
}

void AttemptCalls::ListRunFiles(const CallPointer& call) const {
  v1::ListRunFilesRequest request;
  if (!call->Decode(request)) return;
  const auto [reply, reactor] = call->Expect<v1::ListRunFilesReply>();
  files_.ListRunFilesFor(call->caller, request, reply, reactor);
}

void AttemptCalls::ReadRunFile(const CallPointer& call) const {
  auto request = std::make_shared<v1::ReadRunFileChunkRequest>();
  if (!call->Decode(*request)) return;
  Result<WorkspaceName> workspace = WorkspaceFor(call->caller, request->workspace());
  if (!workspace) return call->Refuse(workspace.error());
  if (request->max_bytes() > kMaxFileChunkBytes) {
    return call->Refuse(InvalidCall("max_bytes is " + std::to_string(request->max_bytes()) +
                                    "; at most 262,144 are allowed"));
  }
  if (request->max_bytes() == 0) request->set_max_bytes(kMaxFileChunkBytes);
  if (request->job_id().empty()) request->set_job_id(call->attempt.job.str());
  parts_.history.Continue([this, call, request, workspace = *workspace](storage::History& history) {
    const auto record = history.GetJob(workspace, JobId(request->job_id()));
    if (!record) return call->Refuse(StateUnread(record.error()));
    // What is no job may be a tracked run, whose files are all added ones.
    const bool is_job = record->has_value();
    if (request->attempt() == 0 && is_job) request->set_attempt((*record)->job.attempt_count);
    parts_.io.Continue([this, call, request, workspace, is_job](std::size_t) {
      const auto read = [&](std::uint32_t attempt) {
        return parts_.run_files.Read(workspace, {JobId(request->job_id()), attempt},
                                     request->name(), request->offset(), request->max_bytes());
      };
      std::uint32_t attempt = 0;
      auto data = read(attempt);
      if (!data && data.error().code == ErrorCode::kNotFound && is_job) {
        attempt = request->attempt();
        data = read(attempt);
      }
      if (!data) return call->Refuse(data.error());
      v1::RunFileChunk chunk;
      chunk.set_offset(request->offset());
      chunk.set_attempt(attempt);
      chunk.set_data(std::move(*data));
      call->Answer(chunk);
    });
  });
}

void AttemptCalls::GetJob(const CallPointer& call) const {
  v1::GetJobRequest request;
  if (!call->Decode(request) || !call->IsOwn(request.job_id())) return;
  const auto [reply, reactor] = call->Expect<v1::GetJobReply>();
  jobs_.GetJobFor(call->caller, request, reply, reactor);
}

void AttemptCalls::CancelJob(const CallPointer& call) const {
  v1::CancelJobRequest request;
  if (!call->Decode(request) || !call->IsOwn(request.job_id())) return;
  const auto [reply, reactor] = call->Expect<v1::CancelJobReply>();
  jobs_.CancelJobFor(call->caller, request, reply, reactor);
}

}  // namespace muster::server
