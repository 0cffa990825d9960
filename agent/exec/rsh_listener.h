// run/rsh.sock of the head of an MPI gang: muster-rsh asks here and waits. On the loop's thread.
// The job can connect as well: what it sends is bounded, and only orted on a node of its own gang
// is passed on.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "agent/core/agent_core.h"
#include "agent/shim/launch_file.h"
#include "agent/shim/line_buffer.h"
#include "base/result.h"

namespace muster::agent {

class RshListener : public std::enable_shared_from_this<RshListener> {
 public:
  using OnRequest = std::function<void(const DaemonRequest&)>;

  // Listens at <run>/rsh.sock, in the place of what a former agent left.
  static Result<std::shared_ptr<RshListener>> Open(boost::asio::io_context& loop,
                                                   const LaunchFile& launch, OnRequest on_request);

  // Answers everyone who waits for this daemon, and who asks for it later.
  void Answer(const DaemonExit& exit);
  // No event and no answer from now on.
  void Close();

 private:
  struct Connection;
  using Socket = boost::asio::local::stream_protocol::socket;

  RshListener(boost::asio::io_context& loop, const LaunchFile& launch, OnRequest on_request);
  void Accept();
  void Read(const std::shared_ptr<Connection>& connection);
  void Take(const std::shared_ptr<Connection>& connection, const std::string& line);
  void Reply(const std::shared_ptr<Connection>& connection, std::int32_t exit_code);

  boost::asio::local::stream_protocol::acceptor acceptor_;
  std::vector<std::string> gang_;
  OnRequest on_request_;
  std::set<std::shared_ptr<Connection>> connections_;
  std::set<std::uint64_t> asked_;  // requests passed on, at most one for each node of the gang
  std::map<std::uint64_t, std::int32_t> answers_;
  bool closed_ = false;
};

}  // namespace muster::agent
