// One gRPC stream to the server. Every call of gRPC's threads only posts to the loop.
#pragma once

#include <grpcpp/client_context.h>
#include <grpcpp/support/client_callback.h>

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "muster/v1/agent.grpc.pb.h"

namespace muster::agent {

struct StreamEvents {
  std::function<void(v1::ServerMessage)> on_message;
  std::function<void(const grpc::Status&)> on_done;  // the last one
};

// All public methods belong to the loop's thread. Lives until gRPC is done with it, whoever else
// lets go.
class SessionStream final : public grpc::ClientBidiReactor<v1::AgentMessage, v1::ServerMessage> {
 public:
  static std::shared_ptr<SessionStream> Open(boost::asio::io_context& loop,
                                             std::unique_ptr<v1::AgentService::Stub> stub,
                                             StreamEvents events);

  // Goes out in the order hello, first part of a report, heartbeat, its other parts, answers. What
  // has not been written yet is replaced by a newer message of its kind: at most one of each waits,
  // however slow the server. A report may be replaced between two of its parts, but not by itself:
  // one that is still being written goes on. Of answers a few wait; what is beyond is dropped.
  void SendHello(v1::Hello hello);
  void SendReport(std::vector<v1::Report> parts);  // of one report, not none
  void SendHeartbeat(v1::Heartbeat heartbeat);
  void SendPathsChecked(v1::PathsChecked checked);
  // Ends soon with on_done. No other event comes after this call.
  void Cancel();

 private:
  SessionStream(boost::asio::io_context& loop, std::unique_ptr<v1::AgentService::Stub> stub,
                StreamEvents events)
      : loop_(loop), stub_(std::move(stub)), events_(std::move(events)) {}

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;

  bool IsUnderWay(std::uint64_t sequence) const;
  void TakeRead(bool ok);
  void WriteNext();

  boost::asio::io_context& loop_;
  std::unique_ptr<v1::AgentService::Stub> stub_;
  StreamEvents events_;
  grpc::ClientContext context_;
  std::shared_ptr<SessionStream> self_;  // until OnDone
  v1::ServerMessage incoming_;
  v1::AgentMessage outgoing_;
  std::optional<v1::Hello> hello_;
  std::deque<v1::Report> report_;  // the parts that were not written yet
  std::optional<v1::Heartbeat> heartbeat_;
  std::deque<v1::PathsChecked> checked_;
  bool writing_ = false;
  bool closed_ = false;     // no operation may be started any more
  bool cancelled_ = false;  // by us
};

}  // namespace muster::agent
