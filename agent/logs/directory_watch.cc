#include <utility>
// <utility> first: this Boost's Asio needs it.
#include <sys/inotify.h>
#include <unistd.h>

#include "agent/logs/directory_watch.h"

namespace muster::agent {

DirectoryWatch::DirectoryWatch(boost::asio::io_context& loop, Events events)
    : events_(std::move(events)), descriptor_(loop) {
  const int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (fd < 0) return;
  boost::system::error_code error;
  descriptor_.assign(fd, error);
  if (error) {
    close(fd);
    return;
  }
  Wait();
}

std::optional<int> DirectoryWatch::Add(const std::string& directory) {
  if (!descriptor_.is_open()) return std::nullopt;
  constexpr std::uint32_t kMask =
      IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_ONLYDIR | IN_DONT_FOLLOW | IN_EXCL_UNLINK;
  const int watch = inotify_add_watch(descriptor_.native_handle(), directory.c_str(), kMask);
  if (watch < 0) return std::nullopt;
  return watch;
}

void DirectoryWatch::Remove(int watch) {
  if (descriptor_.is_open()) inotify_rm_watch(descriptor_.native_handle(), watch);
}

void DirectoryWatch::Wait() {
  descriptor_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                         [this](const boost::system::error_code& error) {
                           if (error) return;
                           Read();
                           Wait();
                         });
}

// One buffer a turn: a job that writes without pause must not keep the loop from its other work.
void DirectoryWatch::Read() {
  const ssize_t bytes = ::read(descriptor_.native_handle(), buffer_.data(), buffer_.size());
  for (ssize_t at = 0; at + static_cast<ssize_t>(sizeof(inotify_event)) <= bytes;) {
    const auto* event = reinterpret_cast<const inotify_event*>(buffer_.data() + at);
    at += static_cast<ssize_t>(sizeof(inotify_event) + event->len);
    if ((event->mask & IN_Q_OVERFLOW) != 0) {
      events_.on_overflow();
    } else if (event->len > 0) {
      events_.on_changed(event->wd, event->name);
    }
  }
}

}  // namespace muster::agent
