#include "security/secret_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

namespace muster::security {
namespace {

class OwnedFd {
 public:
  explicit OwnedFd(int fd) : fd_(fd) {}
  ~OwnedFd() {
    if (fd_ >= 0) ::close(fd_);
  }
  OwnedFd(const OwnedFd&) = delete;
  OwnedFd& operator=(const OwnedFd&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

tl::unexpected<Error> IoError(const std::string& what, const std::filesystem::path& path) {
  const int error = errno;
  return Fail(ErrorCode::kInternal, ErrorReason::kIo,
              "cannot " + what + " " + path.string() + ": " + std::strerror(error));
}

bool WriteAll(int fd, std::string_view content) {
  while (!content.empty()) {
    const ssize_t written = ::write(fd, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

std::filesystem::path DirectoryOf(const std::filesystem::path& path) {
  return path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
}

Status SyncDirectory(const std::filesystem::path& directory) {
  const OwnedFd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.get() < 0 || ::fsync(fd.get()) != 0) return IoError("sync directory", directory);
  return {};
}

enum class Readers { kOwner, kAll };

Status CheckAccess(const struct stat& info, const std::filesystem::path& path, Readers readers) {
  const auto refuse = [&](const std::string& why) {
    return Fail(ErrorCode::kFailedPrecondition, ErrorReason::kUnsafePath,
                path.string() + " " + why);
  };
  if (!S_ISREG(info.st_mode)) return refuse("is not a regular file");
  if (readers == Readers::kOwner && (info.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    return refuse("holds a secret, but others than its owner may use it; run: chmod 600 " +
                  path.string());
  if ((info.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    return refuse("may be changed by others than its owner; run: chmod go-w " + path.string());
  if (info.st_uid != ::geteuid() && info.st_uid != 0)
    return refuse("is to be trusted, but belongs to another user (uid " +
                  std::to_string(info.st_uid) + ")");
  if (info.st_size > static_cast<off_t>(kMaxSecretFileBytes))
    return Fail(ErrorCode::kResourceExhausted, ErrorReason::kTooLarge,
                path.string() + " has " + std::to_string(info.st_size) + " bytes; at most " +
                    std::to_string(kMaxSecretFileBytes) + " are read");
  return {};
}

Result<std::string> ReadFile(const std::filesystem::path& path, Readers readers) {
  // O_NONBLOCK: a FIFO in its place must not make us wait.
  const OwnedFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (fd.get() < 0) {
    if (errno == ENOENT)
      return Fail(ErrorCode::kNotFound, ErrorReason::kIo, "there is no file " + path.string());
    return IoError("open", path);
  }
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return IoError("examine", path);
  MUSTER_TRY(CheckAccess(info, path, readers));

  std::string content(static_cast<std::size_t>(info.st_size), '\0');
  std::size_t filled = 0;
  while (filled < content.size()) {
    const ssize_t got = ::read(fd.get(), content.data() + filled, content.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return IoError("read", path);
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
  }
  content.resize(filled);
  return content;
}

}  // namespace

Status WriteSecretFile(const std::filesystem::path& path, std::string_view content) {
  std::string temporary =
      (DirectoryOf(path) / ("." + path.filename().string() + ".XXXXXX")).string();
  const OwnedFd fd(::mkostemp(temporary.data(), O_CLOEXEC));
  if (fd.get() < 0) return IoError("create a file beside", path);
  if (::fchmod(fd.get(), S_IRUSR | S_IWUSR) != 0 || !WriteAll(fd.get(), content) ||
      ::fsync(fd.get()) != 0 || ::rename(temporary.c_str(), path.c_str()) != 0) {
    Status failed = IoError("write", path);
    ::unlink(temporary.c_str());
    return failed;
  }
  return SyncDirectory(DirectoryOf(path));
}

Result<std::string> ReadSecretFile(const std::filesystem::path& path) {
  return ReadFile(path, Readers::kOwner);
}

Result<std::string> ReadPublicFile(const std::filesystem::path& path) {
  return ReadFile(path, Readers::kAll);
}

Status MakeSecretDirectory(const std::filesystem::path& path) {
  std::error_code error;
  if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path(), error);
  if (::mkdir(path.c_str(), S_IRWXU) != 0 && errno != EEXIST)
    return IoError("make directory", path);
  if (!std::filesystem::is_directory(path, error))
    return Fail(ErrorCode::kFailedPrecondition, ErrorReason::kIo,
                path.string() + " is not a directory");
  return SyncDirectory(DirectoryOf(path));
}

}  // namespace muster::security
