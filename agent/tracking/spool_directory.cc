#include "agent/tracking/spool_directory.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <csignal>
#include <utility>

#include "agent/shim/files.h"
#include "agent/tracking/spool_chunk.h"

namespace muster::agent {
namespace {

constexpr char kAckSuffix[] = ".ack";

// A read lease is given only while nobody has the file open for writing, and nobody can open it so
// until it is given back.
class ReadLease {
 public:
  explicit ReadLease(int fd) : fd_(fd) {
    // Who opens the file meanwhile waits, and we would be told by SIGIO, which ends a process.
    ::fcntl(fd_, F_SETSIG, SIGURG);
    held_ = ::fcntl(fd_, F_SETLEASE, F_RDLCK) == 0;
  }
  ~ReadLease() {
    if (held_) ::fcntl(fd_, F_SETLEASE, F_UNLCK);
  }
  ReadLease(const ReadLease&) = delete;
  ReadLease& operator=(const ReadLease&) = delete;

  bool held() const { return held_; }

 private:
  int fd_;
  bool held_ = false;
};

}  // namespace

Result<SpoolDirectory> SpoolDirectory::Open(const std::string& path) {
  MUSTER_ASSIGN(LogDirectory files, LogDirectory::Open(path));
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return Fail(SystemError(ErrorReason::kIo, "cannot open " + path));
  return SpoolDirectory(std::move(files), std::move(fd));
}

std::vector<std::string> SpoolDirectory::Names(std::size_t limit) const {
  // Each spool may have an acknowledgement beside it.
  std::vector<std::string> names = files_.Names(2 * limit);
  std::erase_if(names, [](const std::string& name) { return !IsSpoolName(name); });
  if (names.size() > limit) names.resize(limit);
  return names;
}

void SpoolDirectory::Acknowledge(const std::string& name, std::uint64_t bytes) const {
  // A script that put something in the way waits for its own fault.
  static_cast<void>(
      WriteFileAt(fd_.get(), name + kAckSuffix, std::to_string(bytes), 0644, Durability::kRename));
}

bool SpoolDirectory::Delete(const std::string& name) const {
  if (::unlinkat(fd_.get(), name.c_str(), 0) != 0) return false;
  ::unlinkat(fd_.get(), (name + kAckSuffix).c_str(), 0);
  return true;
}

bool SpoolDirectory::DeleteIfDone(const std::string& name, std::uint64_t bytes) const {
  const UniqueFd fd(
      ::openat(fd_.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  struct stat info {};
  if (!fd || ::fstat(fd.get(), &info) != 0 || !S_ISREG(info.st_mode)) return false;
  const ReadLease lease(fd.get());
  if (!lease.held() || ::fstat(fd.get(), &info) != 0) return false;
  return static_cast<std::uint64_t>(info.st_size) == bytes && Delete(name);
}

}  // namespace muster::agent
