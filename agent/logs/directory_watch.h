// Says which files of a few directories have changed (inotify).
#pragma once

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <functional>
#include <optional>
#include <string>

namespace muster::agent {

// All on the loop's thread.
class DirectoryWatch {
 public:
  struct Events {
    std::function<void(int watch, const std::string& name)> on_changed;
    std::function<void()> on_overflow;  // anything may have changed
  };
  DirectoryWatch(boost::asio::io_context& loop, Events events);

  // Nothing when the kernel has no watch to give (limits, file system): the caller has to poll.
  std::optional<int> Add(const std::string& directory);
  void Remove(int watch);

 private:
  void Wait();
  void Read();

  Events events_;
  boost::asio::posix::stream_descriptor descriptor_;
  alignas(8) std::array<char, 16384> buffer_{};
};

}  // namespace muster::agent
