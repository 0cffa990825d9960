#include "cli/personal/attempts.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <string>
#include <system_error>
#include <thread>

#include "cli/owned_fd.h"

namespace muster::cli {
namespace {

namespace fs = std::filesystem;

constexpr Duration kPause = std::chrono::milliseconds(50);
constexpr Duration kKillPatience = std::chrono::seconds(2);
constexpr std::size_t kMostAttempts = 100'000;

OwnedFd OpenRun(const fs::path& attempt) {
  return OwnedFd(open((attempt / "run").c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

bool IsHeld(const fs::path& attempt) {
  const OwnedFd run = OpenRun(attempt);
  if (!run) return false;
  const OwnedFd lock(openat(run.get(), "shim.lock", O_RDWR | O_NOFOLLOW | O_CLOEXEC));
  return lock && flock(lock.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

// The shim is whoever listens on the attempt's socket.
void KillShim(const fs::path& attempt) {
  const OwnedFd run = OpenRun(attempt);
  if (!run) return;
  // By descriptor: no link is followed, and the path's length does not matter.
  const OwnedFd place(openat(run.get(), "control.sock", O_PATH | O_NOFOLLOW | O_CLOEXEC));
  struct stat info {};
  if (!place || fstat(place.get(), &info) != 0 || !S_ISSOCK(info.st_mode)) return;
  const OwnedFd connection(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = "/proc/self/fd/" + std::to_string(place.get());
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  ucred peer{};
  socklen_t length = sizeof peer;
  if (connect(connection.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      getsockopt(connection.get(), SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0 || peer.pid <= 1) {
    return;
  }
  const OwnedFd process(static_cast<int>(syscall(SYS_pidfd_open, peer.pid, 0)));
  // Held still, and so that very process: it holds the lock as long as it lives.
  if (process && IsHeld(attempt)) {
    syscall(SYS_pidfd_send_signal, process.get(), SIGKILL, nullptr, 0);
  }
}

std::vector<fs::path> Below(const fs::path& directory) {
  std::vector<fs::path> found;
  std::error_code error;
  fs::directory_iterator iterator(directory, error);
  for (; !error && iterator != fs::directory_iterator(); iterator.increment(error)) {
    if (found.size() == kMostAttempts) break;
    found.push_back(iterator->path());
  }
  return found;
}

std::vector<fs::path> WaitEnded(const PersonalLayout& layout, Duration patience) {
  const SteadyPoint deadline = ReadClock().steady + patience;
  while (true) {
    std::vector<fs::path> left = LiveAttempts(layout);
    if (left.empty() || ReadClock().steady > deadline) return left;
    std::this_thread::sleep_for(kPause);
  }
}

}  // namespace

std::vector<fs::path> LiveAttempts(const PersonalLayout& layout) {
  std::vector<fs::path> alive;
  for (const fs::path& node : Below(layout.Nodes())) {
    for (const fs::path& attempt : Below(node / "attempts")) {
      if (IsHeld(attempt)) alive.push_back(attempt);
    }
  }
  return alive;
}

std::vector<fs::path> EndAttempts(const PersonalLayout& layout, Duration patience) {
  for (const fs::path& attempt : WaitEnded(layout, patience)) KillShim(attempt);
  return WaitEnded(layout, kKillPatience);
}

}  // namespace muster::cli
