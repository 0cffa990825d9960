#include "agent/session/session.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "agent/session/convert.h"
#include "base/log.h"

namespace muster::agent {
namespace {

constexpr Duration kDefaultHeartbeatInterval = std::chrono::seconds(2);
constexpr Duration kMinHeartbeatInterval = std::chrono::milliseconds(20);
constexpr Duration kMaxHeartbeatInterval = std::chrono::seconds(60);

// A server that answers no heartbeat for so long is behind a dead link.
Duration AckTimeout(Duration heartbeat_interval) {
  return heartbeat_interval * 3 + std::chrono::seconds(4);
}

}  // namespace

Session::Session(boost::asio::io_context& loop, ServerChannel& channel, SessionConfig config,
                 SessionEvents events, Random& random)
    : loop_(loop),
      channel_(channel),
      config_(std::move(config)),
      events_(std::move(events)),
      incarnation_(random.Hex(16)),
      backoff_(config_.backoff, random),
      timer_(loop) {}

void Session::Start() { Connect(); }

void Session::Connect() {
  if (stopping_ || stream_) return;
  StreamEvents stream_events;
  stream_events.on_message = [this](const v1::ServerMessage& message) { TakeMessage(message); };
  stream_events.on_done = [this](const grpc::Status& status) { StreamDone(status); };
  stream_ = SessionStream::Open(loop_, v1::AgentService::NewStub(channel_.Get()),
                                std::move(stream_events));
  v1::Hello hello;
  *hello.mutable_facts() = config_.facts;
  hello.set_incarnation(incarnation_);
  stream_->SendHello(std::move(hello));
  ArmTimer(config_.welcome_timeout, &Session::WelcomeOverdue);
}

void Session::ArmTimer(Duration delay, void (Session::*action)()) {
  timer_.expires_after(delay);
  timer_.async_wait([this, action](const boost::system::error_code& error) {
    if (!error && !stopping_) (this->*action)();
  });
}

void Session::WelcomeOverdue() {
  Log(LogLevel::kWarning, "session_silent", {{"waited", FormatDuration(config_.welcome_timeout)}});
  if (stream_) stream_->Cancel();
}

void Session::TakeMessage(const v1::ServerMessage& message) {
  if (stopping_) return;
  switch (message.message_case()) {
    case v1::ServerMessage::kWelcome:
      if (!open_) TakeWelcome(message.welcome());
      break;
    case v1::ServerMessage::kDesired:
      if (open_) events_.on_desired(FromProto(message.desired()));
      break;
    case v1::ServerMessage::kReportAck:
      if (open_) events_.on_report_ack(message.report_ack().sequence());
      break;
    case v1::ServerMessage::kHeartbeatAck:
      last_ack_ = ReadClock().steady;
      if (open_) {
        events_.on_heartbeat_ack(SteadyPoint(Duration(message.heartbeat_ack().sent_us())));
      }
      break;
    case v1::ServerMessage::kGoodbye:
      if (open_) {
        events_.on_goodbye(std::chrono::milliseconds(message.goodbye().lease_extension_ms()));
      }
      break;
    case v1::ServerMessage::kCheckPaths:
      if (open_) TakeQuestion(message.check_paths());
      break;
    case v1::ServerMessage::MESSAGE_NOT_SET:
      break;
  }
}

void Session::TakeWelcome(const v1::Welcome& welcome) {
  open_ = true;
  failures_ = 0;
  refused_ = false;
  backoff_.Reset();
  const Duration wanted = std::chrono::milliseconds(welcome.heartbeat_interval_ms());
  heartbeat_interval_ = wanted > Duration::zero()
                            ? std::clamp(wanted, kMinHeartbeatInterval, kMaxHeartbeatInterval)
                            : kDefaultHeartbeatInterval;
  last_ack_ = ReadClock().steady;
  Log(LogLevel::kInfo, "session_opened",
      {{"epoch", static_cast<std::int64_t>(welcome.epoch())},
       {"heartbeat_interval", FormatDuration(heartbeat_interval_)}});
  events_.on_opened();
  Beat();
}

// The answer belongs to this stream: the next one's server may have another question of this
// number.
void Session::TakeQuestion(const v1::CheckPaths& question) {
  events_.on_check_paths(question, [asked = std::weak_ptr(stream_)](v1::PathsChecked checked) {
    if (const auto stream = asked.lock()) {
      stream->SendPathsChecked(std::move(checked));
    }
  });
}

void Session::Beat() {
  if (!stream_ || !open_) return;
  const SteadyPoint now = ReadClock().steady;
  if (now - last_ack_ > AckTimeout(heartbeat_interval_)) {
    Log(LogLevel::kWarning, "session_dead", {{"silent_for", FormatDuration(now - last_ack_)}});
    stream_->Cancel();
    return;
  }
  v1::Heartbeat heartbeat;
  heartbeat.set_sent_us(now.time_since_epoch().count());
  stream_->SendHeartbeat(heartbeat);
  ArmTimer(heartbeat_interval_, &Session::Beat);
}

void Session::SendReport(const Report& report) {
  if (stream_ && open_) stream_->SendReport(ToProto(report, config_.node));
}

void Session::Reconnect() {
  if (stream_) stream_->Cancel();
}

void Session::StreamDone(const grpc::Status& status) {
  stream_.reset();
  timer_.cancel();
  if (stopping_) {
    if (on_stopped_) std::exchange(on_stopped_, nullptr)();
    return;
  }
  const bool was_open = std::exchange(open_, false);
  const Duration delay = backoff_.Next();
  LogEnd(status, was_open, delay);
  ArmTimer(delay, &Session::Connect);
  if (was_open) events_.on_closed();
}

void Session::LogEnd(const grpc::Status& status, bool was_open, Duration retry_in) {
  ++failures_;
  if (status.error_code() == grpc::StatusCode::UNAUTHENTICATED) {
    // Every further answer will be the same: a person has to do something.
    if (std::exchange(refused_, true)) return;
    Log(LogLevel::kError, "session_failed",
        {{"code", "UNAUTHENTICATED"},
         {"error", status.error_message()},
         {"advice",
          "the server accepts this node's certificate no more: to join again, stop the agent, "
          "remove the folder identity in its directory, and start it with a join token"}});
    return;
  }
  // The first failure, then rarer and rarer: an absent server must not fill the log.
  if (!std::has_single_bit(failures_)) return;
  Log(LogLevel::kWarning, was_open ? "session_closed" : "session_failed",
      {{"error", status.error_message()},
       {"failures", static_cast<std::int64_t>(failures_)},
       {"retry_in", FormatDuration(retry_in)}});
}

void Session::Stop(std::function<void()> on_stopped) {
  stopping_ = true;
  timer_.cancel();
  if (!stream_) {
    on_stopped();
    return;
  }
  on_stopped_ = std::move(on_stopped);
  stream_->Cancel();
}

}  // namespace muster::agent
