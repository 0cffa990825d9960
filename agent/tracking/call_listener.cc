#include <utility>
// <utility> first: this Boost's Asio needs it.
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

#include "agent/shim/line_buffer.h"
#include "agent/tracking/call_line.h"
#include "agent/tracking/call_listener.h"

namespace muster::agent {
namespace {

using boost::system::error_code;

constexpr std::size_t kMaxCallLineBytes = (std::size_t{1} << 20) + 1'024;
constexpr std::size_t kCallReadBytes = 64 << 10;
constexpr Duration kAcceptPause = std::chrono::milliseconds(100);

}  // namespace

struct CallListener::Connection {
  Connection(boost::asio::io_context& loop, Socket accepted)
      : socket(std::move(accepted)), idle(loop) {}

  Socket socket;
  boost::asio::steady_timer idle;
  LineBuffer input{kMaxCallLineBytes};
  std::array<char, kCallReadBytes> buffer{};
  std::string line;      // that is asked
  std::string output;    // that is being written
  bool counted = false;  // in calls_
};

CallListener::CallListener(boost::asio::io_context& loop, UniqueFd listening, AttemptId id,
                           TrackingSink& sink, CallListenerConfig config)
    : loop_(loop), acceptor_(loop), pause_(loop), id_(std::move(id)), sink_(sink), config_(config) {
  acceptor_.assign(boost::asio::local::stream_protocol(), listening.Release());
}

CallListener::~CallListener() = default;

void CallListener::Close() {
  closed_ = true;
  error_code ignored;
  acceptor_.close(ignored);
  pause_.cancel();
  for (const auto& connection : connections_) {
    connection->socket.close(ignored);
    connection->idle.cancel();
  }
  connections_.clear();
  waiting_.clear();
}

void CallListener::Accept() {
  if (closed_ || accepting_ || connections_.size() >= config_.max_connections) return;
  accepting_ = true;
  acceptor_.async_accept([self = shared_from_this()](error_code error, Socket socket) {
    self->accepting_ = false;
    if (self->closed_ || error == boost::asio::error::operation_aborted) return;
    if (error) return self->AcceptLater();
    auto connection = std::make_shared<Connection>(self->loop_, std::move(socket));
    self->connections_.insert(connection);
    self->TakeLine(connection);
    self->Accept();
  });
}

// Out of descriptors, say: the one that waits would fail again at once.
void CallListener::AcceptLater() {
  pause_.expires_after(kAcceptPause);
  pause_.async_wait([self = shared_from_this()](error_code error) {
    if (!error) self->Accept();
  });
}

// One call at a time: the next line of the connection is looked at once its answer is out.
void CallListener::TakeLine(const ConnectionPointer& connection) {
  ArmIdle(connection);
  if (auto line = connection->input.Next()) {
    connection->line = std::move(*line);
    waiting_.push_back(connection);
    return StartCalls();
  }
  Read(connection);
}

void CallListener::Read(const ConnectionPointer& connection) {
  connection->socket.async_read_some(
      boost::asio::buffer(connection->buffer),
      [self = shared_from_this(), connection](error_code error, std::size_t bytes) {
        if (self->closed_) return;
        if (error || !connection->input.Add({connection->buffer.data(), bytes})) {
          return self->Drop(connection);
        }
        self->TakeLine(connection);
      });
}

void CallListener::StartCalls() {
  while (calls_ < config_.max_calls && !waiting_.empty()) {
    const ConnectionPointer connection = std::move(waiting_.front());
    waiting_.pop_front();
    if (!connections_.contains(connection)) continue;
    ++calls_;
    connection->counted = true;
    Relay(connection);
  }
}

void CallListener::Relay(const ConnectionPointer& connection) {
  auto call = ParseCall(std::exchange(connection->line, {}));
  if (!call) return Answer(connection, ErrorLine(call.error()));
  connection->idle.cancel();  // the call has a deadline of its own
  sink_.Call({id_, std::move(call->method), std::move(call->request_json)},
             [self = shared_from_this(), connection](Result<std::string> reply) {
               std::string line = reply ? ReplyLine(*reply) : ErrorLine(reply.error());
               boost::asio::post(self->loop_, [self, connection, line = std::move(line)]() mutable {
                 if (!self->closed_) self->Answer(connection, std::move(line));
               });
             });
}

void CallListener::Answer(const ConnectionPointer& connection, std::string line) {
  connection->output = std::move(line);
  ArmIdle(connection);
  boost::asio::async_write(connection->socket, boost::asio::buffer(connection->output),
                           [self = shared_from_this(), connection](error_code error, std::size_t) {
                             if (self->closed_) return;
                             connection->output = {};
                             if (std::exchange(connection->counted, false)) --self->calls_;
                             if (error) {
                               self->Drop(connection);
                             } else {
                               self->TakeLine(connection);
                             }
                             self->StartCalls();
                           });
}

void CallListener::ArmIdle(const ConnectionPointer& connection) {
  connection->idle.expires_after(config_.idle);
  connection->idle.async_wait([self = shared_from_this(), connection](error_code error) {
    if (error || self->closed_) return;
    error_code ignored;
    connection->socket.close(ignored);  // ends what it waits for
    if (!connection->counted) self->Drop(connection);
  });
}

void CallListener::Drop(const ConnectionPointer& connection) {
  connection->idle.cancel();
  error_code ignored;
  connection->socket.close(ignored);
  connections_.erase(connection);
  Accept();
}

}  // namespace muster::agent
