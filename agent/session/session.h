// The node's conversation with the server: one stream at a time, opened again whenever it breaks.
// All methods and events on the loop's thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <string>

#include "agent/core/agent_core.h"
#include "agent/session/backoff.h"
#include "agent/session/channel.h"
#include "agent/session/session_stream.h"
#include "base/random.h"
#include "muster/v1/agent.pb.h"

namespace muster::agent {

struct SessionConfig {
  NodeId node;
  v1::NodeFacts facts;
  BackoffConfig backoff;
  // From dialling to the server's welcome.
  Duration welcome_timeout = std::chrono::seconds(10);
};

struct SessionEvents {
  std::function<void()> on_opened;  // the server has welcomed this node
  std::function<void()> on_closed;  // only after on_opened
  std::function<void(const Desired&)> on_desired;
  std::function<void(std::uint64_t sequence)> on_report_ack;
  std::function<void(SteadyPoint sent)> on_heartbeat_ack;
  std::function<void(Duration lease_extension)> on_goodbye;
  // `answer` is to be called on the loop's thread, at most once; too late, it does nothing.
  std::function<void(const v1::CheckPaths&, std::function<void(v1::PathsChecked)> answer)>
      on_check_paths;
};

class Session {
 public:
  // `channel` and `random` outlive it.
  Session(boost::asio::io_context& loop, ServerChannel& channel, SessionConfig config,
          SessionEvents events, Random& random);

  void Start();
  // Dropped when the session is not open: the core makes a new one when it opens.
  void SendReport(const Report& report);
  // Leaves the stream for a new one over the current channel.
  void Reconnect();
  // No event comes any more; `on_stopped` when gRPC is done with the stream.
  void Stop(std::function<void()> on_stopped);

 private:
  void Connect();
  void TakeMessage(const v1::ServerMessage& message);
  void TakeWelcome(const v1::Welcome& welcome);
  void TakeQuestion(const v1::CheckPaths& question);
  void StreamDone(const grpc::Status& status);
  void LogEnd(const grpc::Status& status, bool was_open, Duration retry_in);
  void Beat();
  // Runs `action` on the current stream's behalf: not after it has been replaced.
  void ArmTimer(Duration delay, void (Session::*action)());
  void WelcomeOverdue();

  boost::asio::io_context& loop_;
  ServerChannel& channel_;
  SessionConfig config_;
  SessionEvents events_;
  std::string incarnation_;
  Backoff backoff_;
  boost::asio::steady_timer timer_;  // reconnect, welcome or next heartbeat: one at a time
  std::shared_ptr<SessionStream> stream_;
  std::function<void()> on_stopped_;
  bool open_ = false;
  bool stopping_ = false;
  bool refused_ = false;   // the server does not accept our certificate; logged
  unsigned failures_ = 0;  // in a row
  Duration heartbeat_interval_{};
  SteadyPoint last_ack_{};
};

}  // namespace muster::agent
