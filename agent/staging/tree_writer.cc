#include "agent/staging/tree_writer.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace muster::agent {
namespace {

constexpr std::uint64_t kBeneath = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS;

int OpenBeneath(int directory, const std::string& name, int flags, mode_t mode) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
  how.mode = mode;
  how.resolve = kBeneath;
  return static_cast<int>(::syscall(SYS_openat2, directory, name.c_str(), &how, sizeof(how)));
}

tl::unexpected<Error> Refuse(const std::string& name, const std::string& why) {
  return Fail(ErrorCode::kInvalidArgument, ErrorReason::kUnsafePath,
              "the snapshot's entry \"" + name.substr(0, 300) + "\" " + why);
}

tl::unexpected<Error> RefuseByErrno(const std::string& name) {
  switch (errno) {
    case ELOOP:
      return Refuse(name, "goes through a symbolic link");
    case EXDEV:
      return Refuse(name, "leads outside the source directory");
    case EEXIST:
      return Refuse(name, "appears twice");
    case ENOTDIR:
      return Refuse(name, "lies below something that is not a directory");
    default:
      return Fail(ErrorCode::kInternal, ErrorReason::kStaging,
                  "cannot make \"" + name.substr(0, 300) + "\": " + std::strerror(errno));
  }
}

// A link may climb at first, and not above the root; it may not climb after it has gone down, since
// what it went down through may itself be a link.
bool StaysInside(const std::string& target, int depth) {
  if (target.empty() || target.front() == '/') return false;
  bool descended = false;
  for (std::size_t begin = 0; begin <= target.size();) {
    const std::size_t end = std::min(target.find('/', begin), target.size());
    const std::string part = target.substr(begin, end - begin);
    if (part == "..") {
      if (descended || --depth < 0) return false;
    } else if (!part.empty() && part != ".") {
      descended = true;
    }
    begin = end + 1;
  }
  return true;
}

}  // namespace

Result<std::string> CleanName(const std::string& name) {
  if (name.empty()) return Refuse(name, "has no name");
  if (name.front() == '/') return Refuse(name, "has an absolute path");
  if (name.find('\0') != std::string::npos) return Refuse(name, "has a NUL in its name");
  std::string clean;
  for (std::size_t begin = 0; begin <= name.size();) {
    const std::size_t end = std::min(name.find('/', begin), name.size());
    const std::string part = name.substr(begin, end - begin);
    if (part == "..") return Refuse(name, "has \"..\" in its path");
    if (!part.empty() && part != ".") clean += (clean.empty() ? "" : "/") + part;
    begin = end + 1;
  }
  return clean;
}

Result<TreeWriter::Place> TreeWriter::Locate(const std::string& raw_name) {
  MUSTER_ASSIGN(const std::string name, CleanName(raw_name));
  const std::size_t slash = name.rfind('/');
  Place place;
  place.last = slash == std::string::npos ? name : name.substr(slash + 1);
  place.parent = root_.get();
  if (slash == std::string::npos) return place;
  const std::string parent = name.substr(0, slash);
  if (!cached_ || parent != cached_parent_) MUSTER_TRY(OpenParent(raw_name, parent));
  place.parent = cached_.get();
  place.depth = 1 + static_cast<int>(std::count(parent.begin(), parent.end(), '/'));
  return place;
}

// Makes the parents an archive leaves out.
Status TreeWriter::OpenParent(const std::string& name, const std::string& parent) {
  UniqueFd fd(OpenBeneath(root_.get(), parent, O_RDONLY | O_DIRECTORY, 0));
  if (!fd && errno == ENOENT) {
    MUSTER_TRY(MakeDirectory(parent, 0755));
    fd.Reset(OpenBeneath(root_.get(), parent, O_RDONLY | O_DIRECTORY, 0));
  }
  if (!fd) return RefuseByErrno(name);
  cached_ = std::move(fd);
  cached_parent_ = parent;
  return {};
}

Status TreeWriter::Own(const Place& place) {
  if (!owner_) return {};
  if (::fchownat(place.parent, place.last.c_str(), owner_->uid, owner_->gid, AT_SYMLINK_NOFOLLOW) !=
      0)
    return RefuseByErrno(place.last);
  return {};
}

Status TreeWriter::MakeDirectory(const std::string& name, mode_t mode) {
  MUSTER_ASSIGN(const Place place, Locate(name));
  if (place.last.empty()) return {};  // "./": the root itself
  // We go on to write below it, whatever its mode says.
  if (::mkdirat(place.parent, place.last.c_str(), 0700) != 0) {
    const int error = errno;
    struct stat status {};
    const bool is_directory =
        error == EEXIST &&
        ::fstatat(place.parent, place.last.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISDIR(status.st_mode);
    errno = error;
    if (!is_directory) return RefuseByErrno(name);
  }
  if (::fchmodat(place.parent, place.last.c_str(), mode | 0700, 0) != 0) return RefuseByErrno(name);
  return Own(place);
}

Result<UniqueFd> TreeWriter::MakeFile(const std::string& name, mode_t mode) {
  MUSTER_ASSIGN(const Place place, Locate(name));
  if (place.last.empty()) return Refuse(name, "is a file with the name of the source directory");
  UniqueFd fd(OpenBeneath(place.parent, place.last, O_WRONLY | O_CREAT | O_EXCL, mode | 0600));
  if (!fd || ::fchmod(fd.get(), mode | 0600) != 0 ||
      (owner_ && ::fchown(fd.get(), owner_->uid, owner_->gid) != 0))
    return RefuseByErrno(name);
  return fd;
}

Status TreeWriter::MakeSymlink(const std::string& name, const std::string& target) {
  MUSTER_ASSIGN(const Place place, Locate(name));
  if (place.last.empty()) return Refuse(name, "is a link in place of the source directory");
  if (!StaysInside(target, place.depth))
    return Refuse(name, "is a link to \"" + target.substr(0, 300) +
                            "\", which may lead outside the source directory");
  if (::symlinkat(target.c_str(), place.parent, place.last.c_str()) != 0)
    return RefuseByErrno(name);
  return Own(place);
}

Status TreeWriter::MakeHardLink(const std::string& name, const std::string& target) {
  MUSTER_ASSIGN(const std::string inside, CleanName(target));
  UniqueFd fd(OpenBeneath(root_.get(), inside, O_PATH | O_NOFOLLOW, 0));
  struct stat status {};
  if (!fd || ::fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode))
    return Refuse(name, "is a hard link to \"" + target.substr(0, 300) +
                            "\", which is no file that came before it");
  MUSTER_ASSIGN(const Place place, Locate(name));
  const std::string source = "/proc/self/fd/" + std::to_string(fd.get());
  if (::linkat(AT_FDCWD, source.c_str(), place.parent, place.last.c_str(), AT_SYMLINK_FOLLOW) != 0)
    return RefuseByErrno(name);
  return {};
}

}  // namespace muster::agent
