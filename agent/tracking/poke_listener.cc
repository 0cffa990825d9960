#include <utility>
// <utility> first: this Boost's Asio needs it.
#include <sys/socket.h>

#include "agent/tracking/poke_listener.h"

namespace muster::agent {
namespace {

// In one turn: a job that pokes without pause must not keep the loop.
constexpr int kMaxDrained = 64;

}  // namespace

PokeListener::PokeListener(boost::asio::io_context& loop, UniqueFd socket,
                           std::function<void()> on_poke)
    : socket_(loop, socket.Release()), on_poke_(std::move(on_poke)) {}

void PokeListener::Close() {
  boost::system::error_code ignored;
  socket_.close(ignored);
}

void PokeListener::Wait() {
  socket_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                     [self = shared_from_this()](const boost::system::error_code& error) {
                       if (error) return;
                       char byte = 0;
                       for (int i = 0; i < kMaxDrained; ++i) {
                         if (::recv(self->socket_.native_handle(), &byte, 1, MSG_DONTWAIT) < 0)
                           break;
                       }
                       self->on_poke_();
                       if (self->socket_.is_open()) self->Wait();
                     });
}

}  // namespace muster::agent
