#include "server/rpc/agent_session.h"

#include <utility>

#include "base/log.h"
#include "server/rpc/status.h"

namespace muster::server {
namespace {

namespace v1 = muster::v1;

constexpr std::size_t kMaxQuestions = 64;
constexpr int kMaxMissing = 256;

Error BadMessage(std::string message) {
  return Error{ErrorCode::kInvalidArgument, ErrorReason::kInvalidSpec, std::move(message)};
}

}  // namespace

AgentSession* AgentSession::Begin() {
  self_ = shared_from_this();
  StartRead(&incoming_);
  return this;
}

void AgentSession::OnReadDone(bool ok) {
  if (!ok) return Close(grpc::Status::OK);
  switch (incoming_.message_case()) {
    case v1::AgentMessage::kHello:
      return Receive(incoming_.hello());
    case v1::AgentMessage::kReport:
      return Receive(incoming_.report());
    case v1::AgentMessage::kHeartbeat:
      return Receive(incoming_.heartbeat());
    case v1::AgentMessage::kPathsChecked:
      return Receive(std::move(*incoming_.mutable_paths_checked()));
    case v1::AgentMessage::MESSAGE_NOT_SET:
      break;
  }
  CloseWith(BadMessage("the message is of a kind that this server does not know"));
}

void AgentSession::Receive(const v1::Hello& hello) {
  if (opened_) return CloseWith(BadMessage("a session says hello once"));
  std::vector<Fault> faults;
  CheckNodeFacts("facts", hello.facts(), faults);
  if (hello.incarnation().empty() || hello.incarnation().size() > 128) {
    faults.push_back(Fault{"incarnation", "", "must have 1..128 bytes"});
  }
  if (!faults.empty()) {
    Error error =
        BadMessage("hello refused: " + faults.front().field + " " + faults.front().message);
    error.faults = std::move(faults);
    return CloseWith(error);
  }
  opened_ = true;
  // On the core thread before the command: its effects find the session.
  parts_.loop.Query([self = shared_from_this()](const Core&, Now) {
    self->parts_.sessions.Add(self->number_, self);
    self->parts_.path_check.SessionOpened(self->number_, self->caller_.node, self);
  });
  Log(LogLevel::kInfo, "session_opened",
      {{"node", caller_.node.str()}, {"session", static_cast<std::int64_t>(number_)}});
  PostThenRead(scheduler::OpenSession{caller_.node, number_, DecodeNodeFacts(hello.facts()),
                                      hello.incarnation()},
               true);
}

void AgentSession::Receive(const v1::Report& report) {
  if (!opened_) return CloseWith(BadMessage("a session begins with hello"));
  const bool is_whole = report.part() == 0 && !report.more();
  v1::Report joined;
  if (is_whole) {
    report_parts_.Clear();
  } else {
    const Result<bool> complete = report_parts_.Add(report);
    if (!complete) return CloseWith(complete.error());
    if (!*complete) return ReadNext();
    joined = report_parts_.Take();
  }
  Result<scheduler::ReceiveReport> decoded =
      ReportFromProto(caller_.node, number_, is_whole ? report : joined);
  if (!decoded) return CloseWith(decoded.error());
  PostThenRead(std::move(*decoded), false);
}

void AgentSession::Receive(const v1::Heartbeat& heartbeat) {
  if (!opened_) return CloseWith(BadMessage("a session begins with hello"));
  PostThenRead(scheduler::ReceiveHeartbeat{caller_.node, number_, heartbeat.sent_us()}, false);
}

void AgentSession::Receive(v1::PathsChecked checked) {
  if (!opened_) return CloseWith(BadMessage("a session begins with hello"));
  if (checked.missing_size() > kMaxMissing) {
    return CloseWith(BadMessage("an answer names at most 256 paths"));
  }
  parts_.loop.Query([self = shared_from_this(), checked = std::move(checked)](const Core&, Now) {
    self->parts_.path_check.Answer(self->number_, checked);
    self->ReadNext();
  });
}

void AgentSession::PostThenRead(scheduler::CommandBody body, bool fatal) {
  parts_.loop.Post(scheduler::Command{caller_, std::move(body)},
                   [self = shared_from_this(), fatal](Result<ReplyValue> reply) {
                     if (fatal && !reply) return self->CloseWith(reply.error());
                     self->ReadNext();
                   });
}

void AgentSession::ReadNext() {
  {
    const std::lock_guard lock(mutex_);
    if (!closed_) return StartRead(&incoming_);
  }
  Leave();  // the end may have overtaken the hello that was just answered
}

void AgentSession::Ask(std::shared_ptr<const v1::CheckPaths> question) {
  const std::lock_guard lock(mutex_);
  if (questions_.size() >= kMaxQuestions) return;
  questions_.push_back(std::move(question));
  WriteNext();
}

void AgentSession::OnWriteDone(bool ok) {
  const std::lock_guard lock(mutex_);
  writing_ = false;
  if (ok) WriteNext();  // else the reading side sees the end
}

void AgentSession::WriteNext() {
  if (writing_ || closed_ || !FillOutgoing()) return;
  writing_ = true;
  StartWrite(&outgoing_);
}

bool AgentSession::FillOutgoing() {
  using std::chrono::duration_cast;
  using std::chrono::milliseconds;
  outgoing_.Clear();
  if (const auto welcome = std::exchange(welcome_, std::nullopt)) {
    outgoing_.mutable_welcome()->set_epoch(welcome->epoch);
    outgoing_.mutable_welcome()->set_heartbeat_interval_ms(
        duration_cast<milliseconds>(welcome->heartbeat_interval).count());
    welcomed_ = true;
  } else if (const auto report_ack = std::exchange(report_ack_, std::nullopt)) {
    outgoing_.mutable_report_ack()->set_sequence(report_ack->sequence);
  } else if (const auto heartbeat_ack = std::exchange(heartbeat_ack_, std::nullopt)) {
    outgoing_.mutable_heartbeat_ack()->set_sent_us(heartbeat_ack->sent_us);
  } else if (desired_) {
    // Tasks that did not fit come with the same level again.
    if (DesiredToProto(*desired_, sent_tasks_, *outgoing_.mutable_desired())) desired_.reset();
  } else if (const auto goodbye = std::exchange(goodbye_, std::nullopt)) {
    outgoing_.mutable_goodbye()->set_lease_extension_ms(
        duration_cast<milliseconds>(goodbye->lease_extension).count());
  } else if (welcomed_ && !questions_.empty()) {
    *outgoing_.mutable_check_paths() = *questions_.front();
    questions_.pop_front();
  } else {
    return false;
  }
  return true;
}

void AgentSession::Drop(const std::string& reason) {
  CloseWith(Error{ErrorCode::kAborted, ErrorReason::kUnspecified, reason});
}

void AgentSession::CloseWith(const Error& error) {
  Log(LogLevel::kInfo, "session_refused",
      {{"node", caller_.node.str()},
       {"session", static_cast<std::int64_t>(number_)},
       {"message", error.message}});
  Close(ToGrpcStatus(error));
}

void AgentSession::Close(const grpc::Status& status) {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(closed_, true)) return;
    Finish(status);
  }
  Log(LogLevel::kInfo, "session_closed",
      {{"node", caller_.node.str()}, {"session", static_cast<std::int64_t>(number_)}});
  Leave();
}

// The core ignores the end of a session that it has replaced already.
void AgentSession::Leave() {
  parts_.loop.Post(scheduler::Command{caller_, scheduler::CloseSession{caller_.node, number_}},
                   [](const Result<ReplyValue>&) {});
  parts_.loop.Query([self = shared_from_this()](const Core&, Now) {
    self->parts_.sessions.Remove(self->number_);
    self->parts_.path_check.SessionClosed(self->number_);
  });
}

void AgentSession::OnDone() {
  std::shared_ptr<AgentSession> last;
  const std::lock_guard lock(mutex_);
  last = std::move(self_);
}

}  // namespace muster::server
