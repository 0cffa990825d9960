#include "agent/logs/log_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>
#include <string_view>
#include <utility>

#include "agent/logs/append_sink.h"

namespace muster::agent {
namespace {

// Entries of other kinds that are passed over for each name asked for: a directory that the job has
// filled with them must not take the loop's time.
constexpr std::size_t kEntriesPerName = 4;

}  // namespace

Result<LogDirectory> LogDirectory::Open(const std::string& path, Depth depth, bool hidden) {
  const int fd = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) {
    return Fail(ErrorCode::kNotFound, ErrorReason::kIo,
                "cannot open " + path + ": " + std::strerror(errno));
  }
  return LogDirectory(fd, depth, hidden);
}

LogDirectory::LogDirectory(LogDirectory&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), depth_(other.depth_), hidden_(other.hidden_) {}

LogDirectory::~LogDirectory() {
  if (fd_ >= 0) close(fd_);
}

// Never through a link, never out of the directory.
int LogDirectory::OpenBelow(const std::string& name, int flags) const {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  return static_cast<int>(syscall(SYS_openat2, fd_, name.c_str(), &how, sizeof(how)));
}

std::vector<std::string> LogDirectory::Names(std::size_t limit) const {
  std::vector<std::string> names;
  std::size_t left = kEntriesPerName * limit;
  std::deque<std::string> directories = {""};
  for (; !directories.empty() && left > 0 && names.size() < limit; directories.pop_front()) {
    const std::string& below = directories.front();
    // A description of its own: the position in the directory is not shared with other listings.
    const int fd = OpenBelow(below.empty() ? "." : below, O_RDONLY | O_DIRECTORY);
    if (fd < 0) continue;
    DIR* directory = fdopendir(fd);
    if (directory == nullptr) {
      close(fd);
      continue;
    }
    for (; left > 0 && names.size() < limit; --left) {
      const dirent* entry = readdir(directory);
      if (entry == nullptr) break;
      const std::string_view name = entry->d_name;
      const bool is_self = name == "." || name == "..";
      if (is_self || (name.front() == '.' && below.empty() && !hidden_)) continue;
      const std::string path = below.empty() ? std::string(name) : below + "/" + entry->d_name;
      if (entry->d_type == DT_REG || entry->d_type == DT_UNKNOWN) names.push_back(path);
      const bool goes_on = depth_ == Depth::kAll && path.size() < kMaxRunFileNameBytes;
      if (entry->d_type == DT_DIR && goes_on) directories.push_back(path);
    }
    closedir(directory);
  }
  std::sort(names.begin(), names.end());
  return names;
}

Result<LogDirectory::Piece> LogDirectory::Read(const std::string& name, std::uint64_t offset,
                                               std::size_t max_bytes) const {
  if (depth_ == Depth::kOne && name.find('/') != std::string::npos) {
    return Fail(ErrorCode::kNotFound, ErrorReason::kUnsafePath, name + " is not in the directory");
  }
  const int fd = OpenBelow(name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
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
