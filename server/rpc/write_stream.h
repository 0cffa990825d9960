// A server stream that writes one message at a time and owns itself until gRPC is done with it. A
// peer that takes nothing for the stall timeout is cut off with RESOURCE_EXHAUSTED (kSlowReader),
// one whose token was revoked or has expired with UNAUTHENTICATED.
#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "base/log.h"
#include "base/time.h"
#include "server/auth/stream_tickets.h"
#include "server/loop/stall_watch.h"
#include "server/rpc/status.h"

namespace muster::server {

template <class Message>
class WriteStream : public grpc::ServerWriteReactor<Message>,
                    public Stallable,
                    public std::enable_shared_from_this<WriteStream<Message>> {
 public:
  // Call once, right after construction; the stream lives until OnDone.
  grpc::ServerWriteReactor<Message>* Own(StallWatch& stalls) {
    self_ = this->shared_from_this();
    stalls.Add(self_);
    return this;
  }

  // Call once, after Own: false if the caller has too many streams, and this one has ended.
  bool Admit(StreamTickets& tickets, const scheduler::Principal& caller) {
    Result<std::unique_ptr<StreamTickets::Ticket>> ticket = tickets.Admit(caller);
    const std::lock_guard lock(mutex_);
    if (ticket) {
      ticket_ = std::move(*ticket);
    } else {
      End(ToGrpcStatus(ticket.error()));
    }
    return ticket_ != nullptr;
  }

  void OnWriteDone(bool ok) final {
    const std::lock_guard lock(mutex_);
    writing_ = false;
    if (ended_) return;
    if (ok) {
      Next();
    } else {
      End(grpc::Status::CANCELLED);
    }
  }
  void OnCancel() final {
    const std::lock_guard lock(mutex_);
    End(grpc::Status::CANCELLED);
  }
  void OnDone() final {
    {
      const std::lock_guard lock(mutex_);
      done_ = true;
    }
    Forget();
    const auto last = std::move(self_);
  }

  void CheckStall(SteadyPoint now) final {
    const std::lock_guard lock(mutex_);
    if (done_) return;
    CheckHolder();
    if (!writing_) return;
    if (now - write_started_ >= 2 * stall_timeout_) {
      context_->TryCancel();  // not even the status gets through
    } else if (!ended_ && (now - write_started_ >= stall_timeout_ || IsTooSlow(now))) {
      Log(LogLevel::kWarning, "slow_reader_cut_off", {{"peer", context_->peer()}});
      End(ToGrpcStatus(Error{ErrorCode::kResourceExhausted, ErrorReason::kSlowReader,
                             "cut off: this reader is too slow; resume after what it has read"}));
    }
  }

 protected:
  WriteStream(grpc::CallbackServerContext* context, Duration stall_timeout)
      : context_(context), stall_timeout_(stall_timeout) {}

  // The lock is held and nothing is being written: Send, End, or start what will do so later.
  virtual void Next() = 0;
  // The lock is held; a write has been under way since write_started().
  virtual bool IsTooSlow(SteadyPoint now) const = 0;
  // gRPC is done; no lock is held.
  virtual void Forget() = 0;

  // With the lock held, in Next or later, while Idle: writes message().
  void Send() {
    writing_ = true;
    write_started_ = ReadClock().steady;
    this->StartWrite(&message_);
  }
  // With the lock held; the first one counts.
  void End(const grpc::Status& status) {
    if (std::exchange(ended_, true)) return;
    this->Finish(status);
  }
  bool Idle() const { return !writing_ && !ended_; }
  bool ended() const { return ended_; }
  Message& message() { return message_; }
  SteadyPoint write_started() const { return write_started_; }
  std::mutex& mutex() { return mutex_; }

 private:
  // With the lock held.
  void CheckHolder() {
    if (ticket_ == nullptr || ended_) return;
    if (const Status valid = ticket_->Check(ReadClock().wall); !valid) {
      End(ToGrpcStatus(valid.error()));
    }
  }

  grpc::CallbackServerContext* const context_;
  const Duration stall_timeout_;
  std::mutex mutex_;
  std::shared_ptr<WriteStream> self_;
  std::unique_ptr<StreamTickets::Ticket> ticket_;
  Message message_;
  SteadyPoint write_started_{};
  bool writing_ = false;
  bool ended_ = false;
  bool done_ = false;
};

}  // namespace muster::server
