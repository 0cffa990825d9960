// Hears that a script has added to a spool. On the loop's thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <functional>
#include <memory>

#include "agent/shim/unique_fd.h"

namespace muster::agent {

class PokeListener : public std::enable_shared_from_this<PokeListener> {
 public:
  PokeListener(boost::asio::io_context& loop, UniqueFd socket, std::function<void()> on_poke);

  void Start() { Wait(); }
  void Close();

 private:
  void Wait();

  boost::asio::posix::stream_descriptor socket_;
  std::function<void()> on_poke_;
};

}  // namespace muster::agent
