#include "storage/sqlite/state_lock.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace muster::storage {
namespace {

Error Locked(int fd, const std::string& state_directory) {
  std::string holder = ReadAt(fd, 0, 20).value_or("");
  while (!holder.empty() && (holder.back() < '0' || holder.back() > '9')) holder.pop_back();
  return Error{ErrorCode::kFailedPrecondition, ErrorReason::kStateLocked,
               "another musterd (pid " + (holder.empty() ? "unknown" : holder) +
                   ") is using the state directory " + state_directory +
                   ": stop it first, or give this one another --state-dir"};
}

}  // namespace

Result<StateLock> StateLock::Take(const std::string& state_directory) {
  const std::string path = state_directory + "/lock";
  Fd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file.valid()) return Fail(IoError(errno, "can't open " + path));
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  if (::fcntl(file.get(), F_OFD_SETLK, &lock) != 0) {
    if (errno == EAGAIN || errno == EACCES) return Fail(Locked(file.get(), state_directory));
    return Fail(IoError(errno, "can't lock " + path));
  }
  // Who holds it is for people: a full disk does not keep us from starting.
  const std::string pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(file.get(), 0) == 0) static_cast<void>(WriteAt(file.get(), 0, pid));
  return StateLock(std::move(file));
}

}  // namespace muster::storage
