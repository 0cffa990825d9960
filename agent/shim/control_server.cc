#include "agent/shim/control_server.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "agent/shim/daemon_words.h"
#include "agent/shim/files.h"

namespace muster::agent {
namespace {

constexpr std::size_t kMaxConnections = 8;
constexpr std::size_t kMaxOutputBytes = 32U << 20;
constexpr std::size_t kMaxLineBytes = 4 * kDaemonMaxBytes;

}  // namespace

ControlServer::ControlServer(UniqueFd listener, std::function<std::string()> level,
                             std::function<void(const ShimCommand&)> on_command)
    : listener_(std::move(listener)),
      level_(std::move(level)),
      on_command_(std::move(on_command)) {}

void ControlServer::Adopt(UniqueFd connection) {
  connections_.push_back({std::move(connection), {}, LineBuffer(kMaxLineBytes)});
}

void ControlServer::Broadcast(const ShimEvent& event) {
  const std::string line = ToLine(event);
  for (Connection& connection : connections_) Queue(connection, line);
}

void ControlServer::Collect(std::vector<pollfd>& polls) const {
  const bool room = connections_.size() < kMaxConnections;
  polls.push_back({room ? listener_.get() : -1, POLLIN, 0});
  for (const Connection& connection : connections_) {
    const int events = connection.output.empty() ? POLLIN : POLLIN | POLLOUT;
    polls.push_back({connection.fd.get(), static_cast<short>(events), 0});
  }
}

void ControlServer::Serve(const std::vector<pollfd>& polls, std::size_t begin) {
  // Commands may broadcast, never add or drop a connection: the indices hold until the end.
  for (std::size_t i = 0; i < connections_.size() && begin + 1 + i < polls.size(); ++i) {
    const short events = polls[begin + 1 + i].revents;
    if ((events & POLLOUT) != 0) Write(connections_[i]);
    if ((events & (POLLIN | POLLHUP | POLLERR)) != 0 && connections_[i].fd) Read(connections_[i]);
  }
  DropClosed();
  if (polls[begin].revents != 0) Accept();
}

void ControlServer::Flush(int timeout_ms) {
  const std::int64_t deadline = SteadyMicros() + std::int64_t{timeout_ms} * 1'000;
  for (;;) {
    DropClosed();
    std::vector<pollfd> polls;
    for (const Connection& connection : connections_)
      if (!connection.output.empty()) polls.push_back({connection.fd.get(), POLLOUT, 0});
    const auto left = static_cast<int>((deadline - SteadyMicros()) / 1'000);
    if (polls.empty() || left <= 0 || ::poll(polls.data(), polls.size(), left) <= 0) return;
    for (Connection& connection : connections_) Write(connection);
  }
}

void ControlServer::Accept() {
  UniqueFd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!fd) return;
  Adopt(std::move(fd));
  Queue(connections_.back(), level_());
}

void ControlServer::Queue(Connection& connection, const std::string& text) {
  if (!connection.fd) return;
  connection.output += text;
  Write(connection);
  if (connection.output.size() > kMaxOutputBytes) connection.fd.Reset();
}

void ControlServer::Write(Connection& connection) {
  while (connection.fd && !connection.output.empty()) {
    const ssize_t put = ::send(connection.fd.get(), connection.output.data(),
                               connection.output.size(), MSG_NOSIGNAL);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0 && errno == EAGAIN) return;
    if (put < 0) {
      connection.fd.Reset();
      return;
    }
    connection.output.erase(0, static_cast<std::size_t>(put));
  }
}

void ControlServer::Read(Connection& connection) {
  char buffer[16384];
  const ssize_t got = ::read(connection.fd.get(), buffer, sizeof(buffer));
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0 || !connection.input.Add({buffer, static_cast<std::size_t>(got)})) {
    connection.fd.Reset();
    return;
  }
  while (const auto line = connection.input.Next()) {
    const auto command = ParseShimCommand(*line);
    if (command) on_command_(*command);
  }
}

void ControlServer::DropClosed() {
  std::erase_if(connections_, [](const Connection& connection) { return !connection.fd; });
}

}  // namespace muster::agent
