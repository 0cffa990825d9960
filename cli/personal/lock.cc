#include "cli/personal/lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <system_error>
#include <thread>

namespace muster::cli {
namespace {

constexpr Duration kPause = std::chrono::milliseconds(50);

// "another `muster up` or `down` (process 123)"
std::string Holder(int fd) {
  std::array<char, 16> digits{};
  const ssize_t got = pread(fd, digits.data(), digits.size(), 0);
  std::string pid(digits.data(), got < 0 ? 0 : static_cast<std::size_t>(got));
  pid.erase(
      std::find_if(pid.begin(), pid.end(), [](unsigned char c) { return std::isdigit(c) == 0; }),
      pid.end());
  return "another `muster up` or `muster down`" + (pid.empty() ? "" : " (process " + pid + ")");
}

// Is it still what the path names? A purge removes it.
bool IsThere(int fd) {
  struct stat info {};
  return fstat(fd, &info) == 0 && info.st_nlink > 0;
}

Result<OwnedFd> OpenLock(const std::filesystem::path& path) {
  OwnedFd fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (fd) return fd;
  return Fail(ErrorCode::kInternal, ErrorReason::kIo,
              "cannot open " + path.string() + ": " +
                  std::error_code(errno, std::generic_category()).message());
}

}  // namespace

Result<OwnedFd> LockPersonal(const std::filesystem::path& path, Duration patience,
                             const std::function<void(const std::string&)>& notice) {
  MUSTER_ASSIGN(OwnedFd fd, OpenLock(path));
  const SteadyPoint deadline = ReadClock().steady + patience;
  bool told = false;
  while (flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    const std::string holder = Holder(fd.get());
    if (ReadClock().steady > deadline) {
      return Fail(ErrorCode::kFailedPrecondition, ErrorReason::kStateLocked,
                  holder + " is at work on " + path.parent_path().string() + "; try again later");
    }
    if (!told) notice("waiting for " + holder);
    told = true;
    std::this_thread::sleep_for(kPause);
  }
  if (!IsThere(fd.get())) return LockPersonal(path, patience, notice);
  const std::string pid = std::to_string(getpid()) + "\n";
  if (ftruncate(fd.get(), 0) == 0) {
    [[maybe_unused]] const ssize_t written = pwrite(fd.get(), pid.data(), pid.size(), 0);
  }
  return fd;
}

}  // namespace muster::cli
