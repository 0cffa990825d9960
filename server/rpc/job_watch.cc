#include "server/rpc/job_watch.h"

#include <utility>

#include "scheduler/lifecycle/request.h"
#include "server/rpc/job_conversion.h"

namespace muster::server {
namespace {

constexpr std::size_t kPageSize = 256;
// How long a write may take before the lag counts.
constexpr Duration kLagGrace = std::chrono::seconds(2);

}  // namespace

JobWatch::JobWatch(const RpcParts& parts, grpc::CallbackServerContext* context, JobId job,
                   std::uint64_t after_sequence)
    : WriteStream(context, parts.limits.stall_timeout),
      parts_(parts),
      job_(std::move(job)),
      key_(job_.empty() ? kAnyJobKey : JobKey(job_)),
      position_(after_sequence == 0 && job_.empty() ? parts.live_sequence.load() : after_sequence) {
}

void JobWatch::Begin(Result<WorkspaceName> workspace) {
  if (!workspace) {
    const std::lock_guard lock(mutex());
    return End(ToGrpcStatus(workspace.error()));
  }
  workspace_ = std::move(*workspace);
  parts_.hub.Subscribe(key_, Self());
  const std::lock_guard lock(mutex());
  reading_ = true;
  if (job_.empty()) {
    parts_.loop.Query([self = Self()](const Core& core, Now) { self->CheckWorkspace(core); });
  } else {
    parts_.history.Continue(
        [self = Self()](storage::History& history) { self->CheckJob(history); });
  }
}

void JobWatch::CheckWorkspace(const Core& core) {
  const Status known = scheduler::WorkspaceExists(core.state(), workspace_);
  const std::lock_guard lock(mutex());
  reading_ = false;
  if (ended()) return;
  if (!known) return End(ToGrpcStatus(known.error()));
  StartReading();
}

void JobWatch::CheckJob(storage::History& history) {
  const auto record = history.GetJob(workspace_, job_);
  const std::lock_guard lock(mutex());
  reading_ = false;
  if (ended()) return;
  if (!record) return End(ToGrpcStatus(StateUnread(record.error())));
  if (!*record) {
    return End(ToGrpcStatus(Error{ErrorCode::kNotFound, ErrorReason::kUnknownJob,
                                  "there is no job \"" + job_.str() + "\" in this workspace"}));
  }
  StartReading();
}

void JobWatch::StartReading() {
  reading_ = true;
  woken_ = false;
  parts_.history.Continue([self = Self()](storage::History& history) { self->ReadPage(history); });
}

void JobWatch::ReadPage(storage::History& history) {
  // Nobody else moves the position while reading_.
  auto changes = history.JobChanges(workspace_, job_, position_, kPageSize);
  const std::lock_guard lock(mutex());
  reading_ = false;
  if (ended()) return;
  if (!changes) return End(ToGrpcStatus(StateUnread(changes.error())));
  if (changes->empty()) caught_up_ = true;
  if (!changes->empty()) position_ = changes->back().sequence;
  if (changes->size() == kPageSize) woken_ = true;
  for (storage::JobChange& change : *changes) page_.push_back(std::move(change));
  if (Idle()) Next();
}

void JobWatch::Next() {
  if (!page_.empty()) {
    message().Clear();
    ToProto(page_.front(), message());
    page_.pop_front();
    Send();
  } else if (woken_ && !reading_) {
    StartReading();
  } else if (!reading_) {
    caught_up_ = true;
  }
}

void JobWatch::Wake() {
  const std::lock_guard lock(mutex());
  woken_ = true;
  if (Idle() && !reading_) Next();
}

bool JobWatch::IsTooSlow(SteadyPoint now) const {
  return job_.empty() && caught_up_ && now - write_started() >= kLagGrace &&
         parts_.live_sequence.load() > position_ + parts_.limits.max_watch_lag;
}

void JobWatch::Forget() { parts_.hub.Unsubscribe(key_, this); }

}  // namespace muster::server
