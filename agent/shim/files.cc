#include "agent/shim/files.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>

namespace muster::agent {
namespace {

Result<sockaddr_un> SocketAddress(int directory, const std::string& name) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = "/proc/self/fd/" + std::to_string(directory) + "/" + name;
  if (path.size() >= sizeof(address.sun_path))
    return Fail(ErrorCode::kInvalidArgument, ErrorReason::kIo, "socket name too long: " + name);
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

Result<UniqueFd> LocalSocket() {
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return Fail(SystemError(ErrorReason::kIo, "socket"));
  return fd;
}

std::int64_t Micros(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1'000;
}

}  // namespace

Error SystemError(ErrorReason reason, std::string_view what) {
  const int error = errno;
  return {ErrorCode::kInternal, reason, std::string(what) + ": " + std::strerror(error)};
}

Result<UniqueFd> OpenDirectory(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd && errno == EACCES) fd.Reset(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return Fail(SystemError(ErrorReason::kIo, "cannot open directory " + path));
  return fd;
}

Result<std::string> ReadFileAt(int directory, const std::string& name, std::size_t max_bytes) {
  UniqueFd fd(::openat(directory, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!fd) return Fail(SystemError(ErrorReason::kIo, "cannot open " + name));
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode) ||
      static_cast<std::uint64_t>(status.st_size) > max_bytes)
    return Fail(ErrorCode::kFailedPrecondition, ErrorReason::kTooLarge,
                name + " is not a regular file of at most " + std::to_string(max_bytes) + " bytes");
  std::string content(static_cast<std::size_t>(status.st_size), '\0');
  std::size_t done = 0;
  while (done < content.size()) {
    const ssize_t got = ::read(fd.get(), content.data() + done, content.size() - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Fail(SystemError(ErrorReason::kIo, "cannot read " + name));
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  content.resize(done);
  return content;
}

std::string ReadTailAt(int directory, const std::string& name, std::size_t max_bytes) {
  UniqueFd fd(::openat(directory, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  struct stat status {};
  // Another name: a link that the job made to a file that is not its own.
  if (!fd || ::fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode) || status.st_nlink != 1)
    return {};
  const auto size = static_cast<std::size_t>(status.st_size);
  std::string tail(std::min(size, max_bytes), '\0');
  const ssize_t got =
      ::pread(fd.get(), tail.data(), tail.size(), static_cast<off_t>(size - tail.size()));
  tail.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
  return tail;
}

bool WriteAll(int fd, std::string_view data) {
  while (!data.empty()) {
    const ssize_t put = ::write(fd, data.data(), data.size());
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return false;
    data.remove_prefix(static_cast<std::size_t>(put));
  }
  return true;
}

Status WriteFileAt(int directory, const std::string& name, std::string_view content, mode_t mode,
                   Durability durability) {
  const std::string temporary = "." + name + ".tmp";
  ::unlinkat(directory, temporary.c_str(), 0);
  UniqueFd fd(::openat(directory, temporary.c_str(),
                       O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
  if (!fd) return Fail(SystemError(ErrorReason::kIo, "cannot create " + name));
  const bool sync = durability == Durability::kSync;
  if (::fchmod(fd.get(), mode) != 0 || !WriteAll(fd.get(), content) ||
      (sync && ::fsync(fd.get()) != 0) ||
      ::renameat(directory, temporary.c_str(), directory, name.c_str()) != 0 ||
      (sync && ::fsync(directory) != 0))
    return Fail(SystemError(ErrorReason::kIo, "cannot write " + name));
  return {};
}

Status SyncFileAt(int directory, const std::string& name) {
  const UniqueFd fd(::openat(directory, name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd || ::fsync(fd.get()) != 0 || ::fsync(directory) != 0)
    return Fail(SystemError(ErrorReason::kIo, "cannot put " + name + " on disk"));
  return {};
}

Result<UniqueFd> ListenAt(int directory, const std::string& name, mode_t mode) {
  MUSTER_ASSIGN(sockaddr_un address, SocketAddress(directory, name));
  MUSTER_ASSIGN(UniqueFd fd, LocalSocket());
  ::unlinkat(directory, name.c_str(), 0);
  // Nobody can connect before listen(), so the mode is in force in time.
  if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0 ||
      ::fchmodat(directory, name.c_str(), mode, 0) != 0 || ::listen(fd.get(), 64) != 0)
    return Fail(SystemError(ErrorReason::kIo, "cannot listen on " + name));
  return fd;
}

Result<UniqueFd> ConnectAt(int directory, const std::string& name) {
  MUSTER_ASSIGN(sockaddr_un address, SocketAddress(directory, name));
  MUSTER_ASSIGN(UniqueFd fd, LocalSocket());
  if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0)
    return Fail(SystemError(ErrorReason::kIo, "cannot connect to " + name));
  return fd;
}

std::int64_t WallMicros() { return Micros(CLOCK_REALTIME); }
std::int64_t SteadyMicros() { return Micros(CLOCK_MONOTONIC); }

}  // namespace muster::agent
