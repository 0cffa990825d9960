#include "server/rpc/run_file_stream.h"

#include <utility>

namespace muster::server {
namespace {

constexpr std::size_t kChunkBytes = std::size_t{256} << 10;

}  // namespace

RunFileStream::RunFileStream(const RpcParts& parts, grpc::CallbackServerContext* context,
                             const muster::v1::ReadRunFileRequest& request)
    : WriteStream(context, parts.limits.stall_timeout),
      parts_(parts),
      job_(request.job_id()),
      name_(request.name()),
      any_attempt_(request.attempt() == 0),
      follow_(request.follow()),
      attempt_(request.attempt()),
      offset_(request.offset()) {}

void RunFileStream::Begin(Result<WorkspaceName> workspace) {
  if (!workspace) return Refuse(workspace.error());
  workspace_ = std::move(*workspace);
  parts_.io.Continue([self = Self()](std::size_t) { self->LookForAdded(); });
}

void RunFileStream::LookForAdded() {
  const auto found = parts_.run_files.Read(workspace_, AttemptId{job_, 0}, name_, 0, 0);
  if (!found && found.error().code == ErrorCode::kInvalidArgument) return Refuse(found.error());
  {
    const std::lock_guard lock(mutex());
    if (ended()) return;
    if (found) {
      added_ = true;
      follow_ = false;
      attempt_ = 0;
    } else {
      Subscribe();
    }
  }
  if (found) return Read();
  parts_.history.Continue([self = Self()](storage::History& history) { self->AskJob(history); });
}

void RunFileStream::Subscribe() {
  if (!follow_) return;
  parts_.hub.Subscribe(JobKey(job_), Self());
  if (attempt_ != 0) parts_.hub.Subscribe(RunFileKey(attempt_id(), name_), Self());
}

void RunFileStream::AskJob(storage::History& history) {
  const auto record = history.GetJob(workspace_, job_);
  if (!record) return Refuse(StateUnread(record.error()));
  if (!*record) {
    return Refuse(Error{ErrorCode::kNotFound, ErrorReason::kUnknownJob,
                        "there is no job \"" + job_.str() + "\" in this workspace"});
  }
  Judge((*record)->job);
}

void RunFileStream::Judge(const scheduler::Job& job) {
  const std::lock_guard lock(mutex());
  if (ended()) return;
  if (attempt_ == 0 && job.attempt_count != 0) EnterAttempt(job.attempt_count);
  const bool terminal = scheduler::IsTerminal(job.status);
  if (attempt_ == 0) return terminal || !follow_ ? EndOfFile() : Rest();
  const bool requeued =
      job.status == scheduler::JobStatus::kQueued && job.attempt_count == attempt_;
  const bool over = terminal || requeued || job.attempt_count > attempt_;
  if (!over && at_end_) return Rest();
  if (!last_look_ || !at_end_) {
    last_look_ = over;
    return StartReading();
  }
  // The attempt was over before its end was seen: that was all of it.
  if (any_attempt_ && job.attempt_count > attempt_) {
    EnterAttempt(attempt_ + 1);
    return StartReading();
  }
  if (any_attempt_ && requeued) return Rest();
  EndOfFile();
}

void RunFileStream::EnterAttempt(std::uint32_t number) {
  if (follow_ && attempt_ != 0) parts_.hub.Unsubscribe(RunFileKey(attempt_id(), name_), this);
  if (attempt_ != 0) offset_ = 0;
  attempt_ = number;
  last_look_ = false;
  if (follow_) parts_.hub.Subscribe(RunFileKey(attempt_id(), name_), Self());
}

void RunFileStream::Rest() {
  if (woken_) return StartReading();
  busy_ = false;
}

void RunFileStream::EndOfFile() {
  if (seen_) return End(grpc::Status::OK);
  End(ToGrpcStatus(Error{
      ErrorCode::kNotFound, ErrorReason::kUnknownRunFile,
      "job " + job_.str() + " has no run file \"" + name_ + "\"" +
          (attempt_ == 0 ? "; it has not started" : " in attempt " + std::to_string(attempt_))}));
}

void RunFileStream::StartReading() {
  busy_ = true;
  woken_ = false;
  at_end_ = false;
  parts_.io.Continue([self = Self()](std::size_t) { self->Read(); });
}

void RunFileStream::Next() {
  if (!busy_) StartReading();
}

void RunFileStream::Wake() {
  const std::lock_guard lock(mutex());
  woken_ = true;
  if (Idle() && !busy_) StartReading();
}

void RunFileStream::Read() {
  if (attempt_ == 0 && !added_) {
    parts_.history.Continue([self = Self()](storage::History& history) { self->AskJob(history); });
    return;
  }
  Result<std::string> data =
      parts_.run_files.Read(workspace_, attempt_id(), name_, offset_, kChunkBytes);
  const bool missing = !data && data.error().code == ErrorCode::kNotFound;
  if (!data && !missing) return Refuse(data.error());
  const std::lock_guard lock(mutex());
  if (ended()) return;
  if (missing || data->empty()) return AtEnd(missing);
  seen_ = true;
  message().set_offset(offset_);
  message().set_attempt(attempt_);
  offset_ += data->size();
  message().set_data(std::move(*data));
  busy_ = false;
  Send();
}

void RunFileStream::AtEnd(bool missing) {
  if (!missing) seen_ = true;
  if (!follow_) return EndOfFile();
  if (woken_ && !last_look_) return StartReading();
  at_end_ = true;
  parts_.history.Continue([self = Self()](storage::History& history) { self->AskJob(history); });
}

void RunFileStream::Refuse(const Error& error) {
  const std::lock_guard lock(mutex());
  End(ToGrpcStatus(error));
}

void RunFileStream::Forget() {
  if (!follow_) return;
  parts_.hub.Unsubscribe(JobKey(job_), this);
  if (attempt_ != 0) parts_.hub.Unsubscribe(RunFileKey(attempt_id(), name_), this);
}

}  // namespace muster::server
