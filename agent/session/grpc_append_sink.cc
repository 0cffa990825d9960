#include "agent/session/grpc_append_sink.h"

#include <grpcpp/client_context.h>

#include <utility>

#include "muster/v1/agent.grpc.pb.h"

namespace muster::agent {
namespace {

constexpr std::chrono::seconds kCallTimeout{20};
// The protocol's limits.
constexpr std::size_t kMaxParts = 256;
constexpr std::size_t kMaxBytes = std::size_t{1} << 20;

void Fill(v1::RunFilePart& part, AppendRequest request) {
  part.set_job_id(request.attempt.job.str());
  part.set_attempt(request.attempt.number);
  part.set_name(std::move(request.name));
  part.set_offset(request.offset);
  part.set_data(std::move(request.data));
}

Result<std::uint64_t> AnswerOf(const grpc::Status& status, const v1::AppendRunFilesReply& reply,
                               int index) {
  if (!status.ok()) return Fail(FromGrpcStatus(status));
  if (index >= reply.parts_size()) {
    return Fail(ErrorCode::kInternal, ErrorReason::kUnspecified,
                "the server's answer has too few parts");
  }
  const v1::AppendedRunFile& part = reply.parts(index);
  if (part.error_code() == 0) return part.size_bytes();
  return Fail(FromGrpcStatus(
      grpc::Status(static_cast<grpc::StatusCode>(part.error_code()), part.error_message())));
}

}  // namespace

struct GrpcAppendSink::Call {
  std::unique_ptr<v1::AgentService::Stub> stub;
  grpc::ClientContext context;
  v1::AppendRunFilesRequest request;
  v1::AppendRunFilesReply reply;
  std::vector<Done> done;
};

GrpcAppendSink::~GrpcAppendSink() {
  std::unique_lock lock(mutex_);
  closing_ = true;
  if (call_) call_->context.TryCancel();
  idle_.wait(lock, [this] { return call_ == nullptr; });
  std::deque<Waiting> waiting = std::move(waiting_);
  lock.unlock();
  for (const Waiting& append : waiting) {
    append.done(Fail(ErrorCode::kCancelled, ErrorReason::kUnspecified, "the agent stops"));
  }
}

void GrpcAppendSink::Append(AppendRequest request, Done done) {
  std::shared_ptr<Call> next;
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back({std::move(request), std::move(done)});
    next = TakeNext();
  }
  if (next) Start(next);
}

std::shared_ptr<GrpcAppendSink::Call> GrpcAppendSink::TakeNext() {
  if (call_ || closing_ || waiting_.empty()) return nullptr;
  auto call = std::make_shared<Call>();
  std::size_t bytes = 0;
  while (!waiting_.empty() && call->done.size() < kMaxParts) {
    bytes += waiting_.front().request.data.size();
    if (bytes > kMaxBytes && !call->done.empty()) break;
    Fill(*call->request.add_parts(), std::move(waiting_.front().request));
    call->done.push_back(std::move(waiting_.front().done));
    waiting_.pop_front();
  }
  call_ = call;
  return call;
}

void GrpcAppendSink::Start(const std::shared_ptr<Call>& call) {
  call->stub = v1::AgentService::NewStub(channel_.Get());
  call->context.set_deadline(std::chrono::system_clock::now() + kCallTimeout);
  call->stub->async()->AppendRunFiles(
      &call->context, &call->request, &call->reply,
      [this, call = call](const grpc::Status& status) mutable {
        for (std::size_t i = 0; i < call->done.size(); ++i) {
          call->done[i](AnswerOf(status, call->reply, static_cast<int>(i)));
        }
        std::shared_ptr<Call> next;
        {
          const std::lock_guard lock(mutex_);
          call_.reset();
          // It holds the channel, which must not end on one of gRPC's own threads: that waits for
          // all of them.
          call.reset();
          next = TakeNext();
          if (!next) idle_.notify_all();
        }
        // While there is one, the sink stays.
        if (next) Start(next);
      });
}

}  // namespace muster::agent
