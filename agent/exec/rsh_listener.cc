#include "agent/exec/rsh_listener.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <utility>

#include "agent/shim/daemon_words.h"
#include "agent/shim/files.h"
#include "agent/shim/records.h"
#include "base/log.h"

namespace muster::agent {
namespace {

using boost::system::error_code;

constexpr char kSocketName[] = "rsh.sock";
constexpr std::size_t kRequestMaxBytes = 4 * kDaemonMaxBytes;
constexpr std::size_t kSpareConnections = 16;
constexpr std::int32_t kRefused = 255;

}  // namespace

struct RshListener::Connection {
  explicit Connection(Socket accepted) : socket(std::move(accepted)) {}

  Socket socket;
  LineBuffer input{kRequestMaxBytes};
  std::array<char, 4096> buffer{};
  std::optional<std::uint64_t> id;  // once it has asked
  std::string output;
};

Result<std::shared_ptr<RshListener>> RshListener::Open(boost::asio::io_context& loop,
                                                       const LaunchFile& launch,
                                                       OnRequest on_request) {
  MUSTER_ASSIGN(const UniqueFd run, OpenDirectory(launch.attempt_directory + "/run"));
  const bool other_account = launch.credentials.has_value();
  MUSTER_ASSIGN(UniqueFd fd, ListenAt(run.get(), kSocketName, other_account ? 0660 : 0600));
  if (other_account &&
      ::fchownat(run.get(), kSocketName, static_cast<uid_t>(-1), launch.credentials->gid, 0) != 0)
    return Fail(SystemError(ErrorReason::kLaunch, "cannot give rsh.sock to the job's group"));
  std::shared_ptr<RshListener> listener(new RshListener(loop, launch, std::move(on_request)));
  error_code error;
  listener->acceptor_.assign(boost::asio::local::stream_protocol(), fd.Release(), error);
  if (error)
    return Fail(ErrorCode::kInternal, ErrorReason::kLaunch, "rsh.sock: " + error.message());
  listener->Accept();
  return listener;
}

RshListener::RshListener(boost::asio::io_context& loop, const LaunchFile& launch,
                         OnRequest on_request)
    : acceptor_(loop), gang_(launch.gang), on_request_(std::move(on_request)) {}

void RshListener::Close() {
  closed_ = true;
  error_code ignored;
  acceptor_.close(ignored);
  for (const auto& connection : connections_) connection->socket.close(ignored);
  connections_.clear();
}

void RshListener::Accept() {
  acceptor_.async_accept([self = shared_from_this()](error_code error, Socket socket) {
    if (self->closed_ || error == boost::asio::error::operation_aborted) return;
    if (!error && self->connections_.size() < self->gang_.size() + kSpareConnections) {
      auto connection = std::make_shared<Connection>(std::move(socket));
      self->connections_.insert(connection);
      self->Read(connection);
    }
    self->Accept();
  });
}

void RshListener::Read(const std::shared_ptr<Connection>& connection) {
  connection->socket.async_read_some(
      boost::asio::buffer(connection->buffer),
      [self = shared_from_this(), connection](error_code error, std::size_t bytes) {
        if (self->closed_) return;
        if (error || !connection->input.Add({connection->buffer.data(), bytes})) {
          self->connections_.erase(connection);
          return;
        }
        if (const auto line = connection->input.Next()) self->Take(connection, *line);
        self->Read(connection);
      });
}

void RshListener::Take(const std::shared_ptr<Connection>& connection, const std::string& line) {
  const auto request = ParseRshRequest(line);
  if (!request || connection->id) {
    Reply(connection, kRefused);
    return;
  }
  connection->id = request->id;
  const bool in_gang = std::find(gang_.begin(), gang_.end(), request->node) != gang_.end();
  const Status allowed = CheckDaemonWords(request->words);
  if (!in_gang || !allowed) {
    Log(LogLevel::kWarning, "daemon_refused",
        {{"node", request->node},
         {"error", allowed ? "not a node of the gang" : allowed.error().message}});
    Reply(connection, kRefused);
    return;
  }
  // mpirun asks once for each of the other nodes; anybody else in the job can ask as well.
  if (asked_.size() < gang_.size()) asked_.insert(request->id);
  if (!asked_.contains(request->id)) {
    Log(LogLevel::kWarning, "daemon_refused",
        {{"node", request->node}, {"error", "more requests than the gang has nodes"}});
    Reply(connection, kRefused);
    return;
  }
  if (const auto answer = answers_.find(request->id); answer != answers_.end()) {
    Reply(connection, answer->second);
    return;
  }
  on_request_({request->id, NodeId(request->node), request->words});
}

void RshListener::Answer(const DaemonExit& exit) {
  answers_[exit.id] = exit.exit_code;
  for (const auto& connection : connections_)
    if (connection->id == exit.id) Reply(connection, exit.exit_code);
}

void RshListener::Reply(const std::shared_ptr<Connection>& connection, std::int32_t exit_code) {
  if (!connection->output.empty()) return;
  connection->output = RshAnswerLine(exit_code);
  boost::asio::async_write(connection->socket, boost::asio::buffer(connection->output),
                           [self = shared_from_this(), connection](error_code, std::size_t) {
                             error_code ignored;
                             connection->socket.close(ignored);
                           });
}

}  // namespace muster::agent
