#include <utility>
// <utility> first: this Boost's Asio needs it.
#include <boost/asio/post.hpp>
#include <iterator>

#include "agent/session/session_stream.h"

namespace muster::agent {
namespace {

constexpr std::size_t kMaxAnswers = 64;

}  // namespace

std::shared_ptr<SessionStream> SessionStream::Open(boost::asio::io_context& loop,
                                                   std::unique_ptr<v1::AgentService::Stub> stub,
                                                   StreamEvents events) {
  std::shared_ptr<SessionStream> stream(
      new SessionStream(loop, std::move(stub), std::move(events)));
  stream->self_ = stream;
  stream->stub_->async()->Session(&stream->context_, stream.get());
  // Writes come from outside of gRPC's own calls: the hold lasts until reading has ended.
  stream->AddHold();
  stream->StartRead(&stream->incoming_);
  stream->StartCall();
  return stream;
}

void SessionStream::SendHello(v1::Hello hello) {
  hello_ = std::move(hello);
  WriteNext();
}

void SessionStream::SendReport(std::vector<v1::Report> parts) {
  if (IsUnderWay(parts.front().sequence())) return;
  report_.assign(std::make_move_iterator(parts.begin()), std::make_move_iterator(parts.end()));
  WriteNext();
}

void SessionStream::SendHeartbeat(v1::Heartbeat heartbeat) {
  heartbeat_ = std::move(heartbeat);
  WriteNext();
}

void SessionStream::SendPathsChecked(v1::PathsChecked checked) {
  if (checked_.size() >= kMaxAnswers) return;
  checked_.push_back(std::move(checked));
  WriteNext();
}

void SessionStream::Cancel() {
  cancelled_ = true;
  context_.TryCancel();
}

bool SessionStream::IsUnderWay(std::uint64_t sequence) const {
  if (!report_.empty()) return report_.front().sequence() == sequence;
  return writing_ && outgoing_.has_report() && outgoing_.report().sequence() == sequence;
}

void SessionStream::WriteNext() {
  if (writing_ || closed_) return;
  outgoing_.Clear();
  const bool begins_report = !report_.empty() && report_.front().part() == 0;
  if (hello_) {
    *outgoing_.mutable_hello() = std::move(*std::exchange(hello_, std::nullopt));
  } else if (heartbeat_ && !begins_report) {
    *outgoing_.mutable_heartbeat() = std::move(*std::exchange(heartbeat_, std::nullopt));
  } else if (!report_.empty()) {
    *outgoing_.mutable_report() = std::move(report_.front());
    report_.pop_front();
  } else if (!checked_.empty()) {
    *outgoing_.mutable_paths_checked() = std::move(checked_.front());
    checked_.pop_front();
  } else {
    return;
  }
  writing_ = true;
  StartWrite(&outgoing_);
}

void SessionStream::OnReadDone(bool ok) {
  boost::asio::post(loop_, [self = self_, ok] { self->TakeRead(ok); });
}

void SessionStream::TakeRead(bool ok) {
  if (!ok) {
    closed_ = true;
    RemoveHold();
    return;
  }
  v1::ServerMessage message = std::move(incoming_);
  incoming_.Clear();
  StartRead(&incoming_);
  if (!cancelled_) events_.on_message(std::move(message));
}

void SessionStream::OnWriteDone(bool ok) {
  boost::asio::post(loop_, [self = self_, ok] {
    self->writing_ = false;
    // A failed write means that the stream is broken: the read ends too, and OnDone says why.
    if (ok) {
      self->WriteNext();
    } else {
      self->closed_ = true;
    }
  });
}

void SessionStream::OnDone(const grpc::Status& status) {
  boost::asio::post(loop_, [self = std::move(self_), status] {
    const auto on_done = std::move(self->events_.on_done);
    self->events_ = {};
    on_done(status);
  });
}

}  // namespace muster::agent
