// Relays the calls that an attempt's scripts make through tracking/rpc. On the loop's thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <memory>
#include <set>
#include <string>

#include "agent/shim/unique_fd.h"
#include "agent/tracking/tracking_sink.h"
#include "base/time.h"

namespace muster::agent {

struct CallListenerConfig {
  std::size_t max_connections = 8;  // more wait to be accepted
  // Calls of the attempt that are under way or being answered, at most; each holds up to 8 MiB.
  std::size_t max_calls = 2;
  // A connection that neither asks nor takes its answer for so long is closed.
  Duration idle = std::chrono::seconds(60);
};

class CallListener : public std::enable_shared_from_this<CallListener> {
 public:
  // `listening`: from MakeSockets. `sink` outlives it, or Close is called.
  CallListener(boost::asio::io_context& loop, UniqueFd listening, AttemptId id, TrackingSink& sink,
               CallListenerConfig config);
  ~CallListener();

  void Start() { Accept(); }
  // No call is relayed any more; what comes back is dropped.
  void Close();

 private:
  using Socket = boost::asio::local::stream_protocol::socket;
  struct Connection;
  using ConnectionPointer = std::shared_ptr<Connection>;

  void Accept();
  void AcceptLater();
  void Read(const ConnectionPointer& connection);
  void TakeLine(const ConnectionPointer& connection);
  void StartCalls();
  void Relay(const ConnectionPointer& connection);
  void Answer(const ConnectionPointer& connection, std::string line);
  void ArmIdle(const ConnectionPointer& connection);
  void Drop(const ConnectionPointer& connection);

  boost::asio::io_context& loop_;
  boost::asio::local::stream_protocol::acceptor acceptor_;
  boost::asio::steady_timer pause_;
  AttemptId id_;
  TrackingSink& sink_;
  const CallListenerConfig config_;
  std::set<ConnectionPointer> connections_;
  std::deque<ConnectionPointer> waiting_;  // with a whole line
  std::size_t calls_ = 0;
  bool accepting_ = false;
  bool closed_ = false;
};

}  // namespace muster::agent
