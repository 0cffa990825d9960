#include "agent/logs/log_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace muster::agent {
namespace {

// Entries of other kinds that are passed over for each name asked for: a directory that the job has
// filled with them must not take the loop's time.
constexpr std::size_t kEntriesPerName = 4;

}  // namespace

Result<LogDirectory> LogDirectory::Open(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) {
    return Fail(ErrorCode::kNotFound, ErrorReason::kIo,
                "cannot open " + path + ": " + std::strerror(errno));
  }
  return LogDirectory(fd);
}

LogDirectory::LogDirectory(LogDirectory&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

LogDirectory::~LogDirectory() {
  if (fd_ >= 0) close(fd_);
}

std::vector<std::string> LogDirectory::Names(std::size_t limit) const {
  std::vector<std::string> names;
  // A description of its own: the position in the directory is not shared with other listings.
  const int fd = openat(fd_, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return names;
  DIR* directory = fdopendir(fd);
  if (directory == nullptr) {
    close(fd);
    return names;
  }
  for (std::size_t left = kEntriesPerName * limit; left > 0; --left) {
    const dirent* entry = readdir(directory);
    if (entry == nullptr) break;
    if (entry->d_type != DT_REG && entry->d_type != DT_UNKNOWN) continue;
    if (entry->d_name[0] == '.') continue;
    if (names.size() >= limit) break;
    names.emplace_back(entry->d_name);
  }
  closedir(directory);
  std::sort(names.begin(), names.end());
  return names;
}

Result<LogDirectory::Piece> LogDirectory::Read(const std::string& name, std::uint64_t offset,
                                               std::size_t max_bytes) const {
  const int fd = openat(fd_, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) {
    return Fail(ErrorCode::kNotFound, ErrorReason::kIo,
                "cannot open " + name + ": " + std::strerror(errno));
  }
  struct stat info {};
  if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) || info.st_nlink != 1) {
    close(fd);
    return Fail(ErrorCode::kNotFound, ErrorReason::kUnsafePath,
                name + " is not a plain file with one name");
  }
  Piece piece;
  piece.size_bytes = static_cast<std::uint64_t>(info.st_size);
  if (piece.size_bytes > offset) {
    const auto rest = piece.size_bytes - offset;
    piece.data.resize(static_cast<std::size_t>(std::min<std::uint64_t>(rest, max_bytes)));
    const ssize_t n = pread(fd, piece.data.data(), piece.data.size(), static_cast<off_t>(offset));
    piece.data.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
  }
  close(fd);
  return piece;
}

}  // namespace muster::agent
