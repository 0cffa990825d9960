// The shim's end of run/control.sock. A connection first gets the whole level, then every change,
// so an agent that comes back has lost nothing. Never blocks: a peer that does not read is cut off.
#pragma once

#include <poll.h>

#include <functional>
#include <string>
#include <vector>

#include "agent/shim/line_buffer.h"
#include "agent/shim/records.h"
#include "agent/shim/unique_fd.h"

namespace muster::agent {

class ControlServer {
 public:
  // `level` gives the lines a new connection begins with; commands come from within Serve.
  ControlServer(UniqueFd listener, std::function<std::string()> level,
                std::function<void(const ShimCommand&)> on_command);

  // The connection that the agent left us at the start; gets changes from now on, and no level.
  void Adopt(UniqueFd connection);
  void Broadcast(const ShimEvent& event);

  // Adds what to wait for; Serve is then given the same entries with what came of it.
  void Collect(std::vector<pollfd>& polls) const;
  void Serve(const std::vector<pollfd>& polls, std::size_t begin);
  // Waits at most so long for the peers to take what is queued.
  void Flush(int timeout_ms);

 private:
  struct Connection {
    UniqueFd fd;
    std::string output;
    LineBuffer input;
  };

  void Accept();
  void Queue(Connection& connection, const std::string& text);
  void Write(Connection& connection);
  void Read(Connection& connection);
  void DropClosed();

  UniqueFd listener_;
  std::function<std::string()> level_;
  std::function<void(const ShimCommand&)> on_command_;
  std::vector<Connection> connections_;
};

}  // namespace muster::agent
