// One agent's stream. gRPC's threads decode and post; the core thread says what to send. Owns
// itself until gRPC is done with it. The next message is read once the one before was answered, so
// an agent that sends too much waits for itself.
#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "muster/v1/agent.pb.h"
#include "server/rpc/agent_conversion.h"
#include "server/rpc/report_parts.h"
#include "server/rpc/rpc_parts.h"
#include "server/rpc/session_registry.h"

namespace muster::server {

class AgentSession final
    : public grpc::ServerBidiReactor<muster::v1::AgentMessage, muster::v1::ServerMessage>,
      public AgentStream,
      public PathPeer,
      public std::enable_shared_from_this<AgentSession> {
 public:
  // `number` is unique in this start of the server. `caller` is a node.
  AgentSession(const RpcParts& parts, scheduler::Principal caller, std::uint64_t number)
      : parts_(parts), caller_(std::move(caller)), number_(number) {}
  // Call once, right after construction.
  AgentSession* Begin();

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override { Close(grpc::Status::CANCELLED); }
  void OnDone() override;

  void Send(const scheduler::SendWelcome& welcome) override { Queue(welcome_, welcome); }
  void Send(const scheduler::SendDesired& desired) override { Queue(desired_, desired); }
  void Send(const scheduler::SendReportAck& ack) override { Queue(report_ack_, ack); }
  void Send(const scheduler::SendHeartbeatAck& ack) override { Queue(heartbeat_ack_, ack); }
  void Send(const scheduler::SendGoodbye& goodbye) override { Queue(goodbye_, goodbye); }
  void Drop(const std::string& reason) override;
  // A few wait; what is beyond is dropped.
  void Ask(std::shared_ptr<const muster::v1::CheckPaths> question) override;

 private:
  void Receive(const muster::v1::Hello& hello);
  void Receive(const muster::v1::Report& report);
  void Receive(const muster::v1::Heartbeat& heartbeat);
  void Receive(muster::v1::PathsChecked checked);
  // Posts; an error ends the session if `fatal`, else the agent's repetition will do.
  void PostThenRead(scheduler::CommandBody body, bool fatal);
  void ReadNext();
  void Close(const grpc::Status& status);
  void CloseWith(const Error& error);
  // Tells the core that the session is over. May come twice.
  void Leave();

  template <class Message>
  void Queue(std::optional<Message>& slot, const Message& message) {
    const std::lock_guard lock(mutex_);
    slot = message;
    WriteNext();
  }
  // The lock is held.
  void WriteNext();
  bool FillOutgoing();

  const RpcParts& parts_;
  const scheduler::Principal caller_;
  const std::uint64_t number_;
  bool opened_ = false;  // Hello was received; of the reading side
  muster::v1::AgentMessage incoming_;
  ReportParts report_parts_;  // of the reading side too

  std::mutex mutex_;  // what follows
  std::shared_ptr<AgentSession> self_;
  bool writing_ = false;
  bool closed_ = false;
  bool welcomed_ = false;  // Welcome was written: it is the first message
  muster::v1::ServerMessage outgoing_;
  SentTasks sent_tasks_;
  std::optional<scheduler::SendWelcome> welcome_;
  std::optional<scheduler::SendReportAck> report_ack_;
  std::optional<scheduler::SendHeartbeatAck> heartbeat_ack_;
  std::optional<scheduler::SendDesired> desired_;
  std::optional<scheduler::SendGoodbye> goodbye_;
  std::deque<std::shared_ptr<const muster::v1::CheckPaths>> questions_;
};

}  // namespace muster::server
