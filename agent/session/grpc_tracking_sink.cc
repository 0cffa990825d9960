#include "agent/session/grpc_tracking_sink.h"

#include <grpcpp/client_context.h>

#include <utility>

#include "muster/v1/agent.grpc.pb.h"

namespace muster::agent {
namespace {

constexpr std::chrono::seconds kAppendTimeout{20};
constexpr std::chrono::seconds kRelayTimeout{30};

Error Stopping() {
  return Error{ErrorCode::kUnavailable, ErrorReason::kShuttingDown, "the node's agent stops"};
}

SpoolAnswer AnswerIn(v1::AppendTrackingReply& reply) {
  SpoolAnswer answer;
  answer.next_offset = reply.next_offset();
  answer.refused.assign(reply.refused().begin(), reply.refused().end());
  answer.refused_count = reply.refused_count();
  if (reply.has_script_failure())
    answer.script_failure = std::move(*reply.mutable_script_failure());
  return answer;
}

}  // namespace

struct GrpcTrackingSink::Open {
  virtual ~Open() = default;
  std::unique_ptr<v1::AgentService::Stub> stub;
  grpc::ClientContext context;
};

template <class Request, class Reply>
struct GrpcTrackingSink::OpenCall : Open {
  Request request;
  Reply reply;
};

GrpcTrackingSink::~GrpcTrackingSink() {
  std::unique_lock lock(mutex_);
  closing_ = true;
  for (const auto& call : open_) call->context.TryCancel();
  idle_.wait(lock, [this] { return open_.empty(); });
}

bool GrpcTrackingSink::Begin(const std::shared_ptr<Open>& call) {
  call->stub = v1::AgentService::NewStub(channel_.Get());
  const std::lock_guard lock(mutex_);
  if (closing_) return false;
  open_.insert(call);
  return true;
}

void GrpcTrackingSink::End(std::shared_ptr<Open> call) {
  const std::lock_guard lock(mutex_);
  open_.erase(call);
  // It holds the channel, which must not end on one of gRPC's own threads: that waits for all of
  // them.
  call.reset();
  if (open_.empty()) idle_.notify_all();
}

void GrpcTrackingSink::Append(SpoolRequest request, AppendDone done) {
  auto call = std::make_shared<OpenCall<v1::AppendTrackingRequest, v1::AppendTrackingReply>>();
  call->request.set_job_id(request.attempt.job.str());
  call->request.set_attempt(request.attempt.number);
  call->request.set_writer(std::move(request.writer));
  call->request.set_offset(request.offset);
  call->request.set_data(std::move(request.data));
  call->request.set_skipped_bytes(request.skipped_bytes);
  if (!Begin(call)) return done(Fail(Stopping()));
  call->context.set_deadline(std::chrono::system_clock::now() + kAppendTimeout);
  call->stub->async()->AppendTracking(
      &call->context, &call->request, &call->reply,
      [this, call, done = std::move(done)](const grpc::Status& status) mutable {
        done(status.ok() ? Result<SpoolAnswer>(AnswerIn(call->reply))
                         : Fail(FromGrpcStatus(status)));
        End(std::move(call));
      });
}

void GrpcTrackingSink::Call(CallRequest request, CallDone done) {
  auto call = std::make_shared<OpenCall<v1::CallForAttemptRequest, v1::CallForAttemptReply>>();
  call->request.set_job_id(request.attempt.job.str());
  call->request.set_attempt(request.attempt.number);
  call->request.set_method(std::move(request.method));
  call->request.set_request_json(std::move(request.request_json));
  if (!Begin(call)) return done(Fail(Stopping()));
  call->context.set_deadline(std::chrono::system_clock::now() + kRelayTimeout);
  call->stub->async()->CallForAttempt(
      &call->context, &call->request, &call->reply,
      [this, call, done = std::move(done)](const grpc::Status& status) mutable {
        done(status.ok() ? Result<std::string>(std::move(*call->reply.mutable_reply_json()))
                         : Fail(FromGrpcStatus(status)));
        End(std::move(call));
      });
}

}  // namespace muster::agent
