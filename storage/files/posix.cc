#include "storage/files/posix.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace muster::storage {

Fd::~Fd() {
  if (fd_ >= 0) ::close(fd_);
}

Error IoError(int error_number, std::string_view what) {
  const bool full = error_number == ENOSPC || error_number == EDQUOT;
  return Error{full ? ErrorCode::kResourceExhausted : ErrorCode::kInternal, ErrorReason::kIo,
               std::string(what) + ": " + std::generic_category().message(error_number)};
}

Status MakeDirectories(const std::string& path) {
  for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    const std::string part = path.substr(0, end);
    if (::mkdir(part.c_str(), 0700) != 0 && errno != EEXIST) {
      // A parent that is there but read-only is no obstacle.
      struct stat info {};
      if (::stat(part.c_str(), &info) != 0 || !S_ISDIR(info.st_mode)) {
        return Fail(IoError(errno, "can't make the directory " + part));
      }
    }
    if (end == std::string::npos) return {};
  }
}

Result<Fd> OpenDirectory(const std::string& path) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) return Fail(IoError(errno, "can't open the directory " + path));
  return fd;
}

Status WriteAt(int fd, std::uint64_t offset, std::string_view data) {
  while (!data.empty()) {
    const ssize_t written = ::pwrite(fd, data.data(), data.size(), static_cast<off_t>(offset));
    if (written < 0) {
      if (errno == EINTR) continue;
      return Fail(IoError(errno, "can't write"));
    }
    offset += static_cast<std::uint64_t>(written);
    data.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

Result<std::string> ReadAt(int fd, std::uint64_t offset, std::size_t max_bytes) {
  struct stat info {};
  if (::fstat(fd, &info) != 0) return Fail(IoError(errno, "can't read the size of a file"));
  const auto size = static_cast<std::uint64_t>(info.st_size);
  if (offset >= size) return std::string();
  std::string data(std::min<std::uint64_t>(max_bytes, size - offset), '\0');
  std::size_t filled = 0;
  while (filled < data.size()) {
    const ssize_t got = ::pread(fd, data.data() + filled, data.size() - filled,
                                static_cast<off_t>(offset + filled));
    if (got < 0) {
      if (errno == EINTR) continue;
      return Fail(IoError(errno, "can't read"));
    }
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
  }
  data.resize(filled);
  return data;
}

Status Sync(int fd, std::string_view what) {
  if (::fsync(fd) != 0) return Fail(IoError(errno, "can't sync " + std::string(what)));
  return {};
}

Status SyncDirectory(const std::string& path) {
  MUSTER_ASSIGN(const Fd fd, OpenDirectory(path));
  return Sync(fd.get(), path);
}

}  // namespace muster::storage
