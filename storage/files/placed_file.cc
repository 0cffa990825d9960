#include "storage/files/placed_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "storage/files/run_file_walk.h"

namespace muster::storage {
namespace {

constexpr std::size_t kPieceBytes = std::size_t{1} << 20;

}  // namespace

Result<SourceFile> SourceFile::Open(const std::string& path) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  struct stat info {};
  if (!fd.valid() || ::fstat(fd.get(), &info) != 0) {
    return Fail(IoError(errno, "can't open " + path));
  }
  return SourceFile(path, std::move(fd), static_cast<std::uint64_t>(info.st_size));
}

Result<bool> SourceFile::HasContentOf(int other) const {
  struct stat mine {};
  struct stat theirs {};
  if (::fstat(fd_.get(), &mine) != 0 || ::fstat(other, &theirs) != 0) {
    return Fail(IoError(errno, "can't look at " + path_));
  }
  if (mine.st_dev == theirs.st_dev && mine.st_ino == theirs.st_ino) return true;
  if (!S_ISREG(theirs.st_mode) || mine.st_size != theirs.st_size) return false;
  for (std::uint64_t offset = 0; offset < size_bytes_; offset += kPieceBytes) {
    MUSTER_ASSIGN(const std::string here, ReadAt(fd_.get(), offset, kPieceBytes));
    MUSTER_ASSIGN(const std::string there, ReadAt(other, offset, kPieceBytes));
    if (here != there) return false;
  }
  return true;
}

Status SourceFile::PlaceBeneath(int directory, const std::string& path) const {
  const std::size_t slash = path.rfind('/');
  const Fd parent = OpenBeneath(directory, slash == std::string::npos ? "." : path.substr(0, slash),
                                O_RDONLY | O_DIRECTORY);
  if (!parent.valid()) return Fail(IoError(errno, "can't open the directory of " + path));
  const std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
  if (::linkat(AT_FDCWD, path_.c_str(), parent.get(), name.c_str(), 0) == 0) return {};
  if (errno != EXDEV && errno != EMLINK && errno != EPERM) {
    return Fail(IoError(errno, "can't link " + path));
  }
  return CopyInto(parent.get(), name);
}

// Without a name until it is whole, so that nothing stays after a crash.
Status SourceFile::CopyInto(int parent, const std::string& name) const {
  const Fd copy(::openat(parent, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600));
  if (!copy.valid()) return Fail(IoError(errno, "can't make " + name));
  for (std::uint64_t offset = 0; offset < size_bytes_; offset += kPieceBytes) {
    MUSTER_ASSIGN(const std::string piece, ReadAt(fd_.get(), offset, kPieceBytes));
    MUSTER_TRY(WriteAt(copy.get(), offset, piece));
  }
  MUSTER_TRY(Sync(copy.get(), name));
  const std::string link = "/proc/self/fd/" + std::to_string(copy.get());
  if (::linkat(AT_FDCWD, link.c_str(), parent, name.c_str(), AT_SYMLINK_FOLLOW) != 0) {
    return Fail(IoError(errno, "can't name " + name));
  }
  return {};
}

}  // namespace muster::storage
