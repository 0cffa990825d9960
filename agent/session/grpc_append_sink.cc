#include "agent/session/grpc_append_sink.h"

#include <grpcpp/client_context.h>

#include <utility>

#include "muster/v1/agent.grpc.pb.h"

namespace muster::agent {
namespace {

constexpr std::chrono::seconds kCallTimeout{20};

}  // namespace

struct GrpcAppendSink::Call {
  std::unique_ptr<v1::AgentService::Stub> stub;
  grpc::ClientContext context;
  v1::AppendRunFileRequest request;
  v1::AppendRunFileReply reply;
  Done done;
};

GrpcAppendSink::~GrpcAppendSink() {
  std::unique_lock lock(mutex_);
  for (const auto& call : calls_) call->context.TryCancel();
  idle_.wait(lock, [this] { return calls_.empty(); });
}

void GrpcAppendSink::Append(AppendRequest request, Done done) {
  auto call = std::make_shared<Call>();
  call->stub = v1::AgentService::NewStub(channel_.Get());
  call->context.set_deadline(std::chrono::system_clock::now() + kCallTimeout);
  call->request.set_job_id(request.attempt.job.str());
  call->request.set_attempt(request.attempt.number);
  call->request.set_name(request.name);
  call->request.set_offset(request.offset);
  call->request.set_data(std::move(request.data));
  call->done = std::move(done);
  {
    const std::lock_guard lock(mutex_);
    calls_.insert(call);
  }
  call->stub->async()->AppendRunFile(&call->context, &call->request, &call->reply,
                                     [this, call](const grpc::Status& status) mutable {
                                       if (status.ok()) {
                                         call->done(call->reply.size_bytes());
                                       } else {
                                         call->done(Fail(FromGrpcStatus(status)));
                                       }
                                       const std::lock_guard lock(mutex_);
                                       calls_.erase(call);
                                       // It holds the channel, which must not end on one of
                                       // gRPC's own threads: that waits for all of them.
                                       call.reset();
                                       if (calls_.empty()) idle_.notify_all();
                                     });
}

}  // namespace muster::agent
