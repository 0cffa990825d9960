#include "storage/files/run_file_walk.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <iterator>
#include <memory>
#include <utility>

#include "storage/files/run_file_name.h"

namespace muster::storage {
namespace {

// Some file systems do not say it in the entry.
unsigned char KindOf(int directory, const dirent& entry) {
  if (entry.d_type != DT_UNKNOWN) return entry.d_type;
  struct stat info {};
  if (::fstatat(directory, entry.d_name, &info, AT_SYMLINK_NOFOLLOW) != 0) return DT_UNKNOWN;
  return static_cast<unsigned char>(IFTODT(info.st_mode));
}

struct Walk {
  const std::function<void(const FoundRunFile&)>& visit;
  std::size_t left = kRunFilesPerAttempt;

  Status Into(Fd directory, const std::string& prefix, std::size_t depth) {
    const int raw = ::fcntl(directory.get(), F_DUPFD_CLOEXEC, 0);
    DIR* entries = raw < 0 ? nullptr : ::fdopendir(raw);
    if (entries == nullptr) return Fail(IoError(errno, "can't list run files"));
    const std::unique_ptr<DIR, int (*)(DIR*)> closer(entries, ::closedir);
    while (const dirent* entry = ::readdir(entries)) {
      if (left == 0) return {};
      const std::string name = entry->d_name;
      if (name == "." || name == "..") continue;
      const unsigned char kind = KindOf(raw, *entry);
      if (kind == DT_REG) {
        --left;
        visit(FoundRunFile{prefix + name, raw, entry->d_name});
      } else if (kind == DT_DIR && depth < kRunFileMaxDepth) {
        Fd below = OpenBeneath(raw, name, O_RDONLY | O_DIRECTORY);
        if (below.valid()) MUSTER_TRY(Into(std::move(below), prefix + name + "/", depth + 1));
      }
    }
    return {};
  }
};

}  // namespace

Fd OpenBeneath(int directory, const std::string& path, int flags) {
  open_how how{};
  // A planted FIFO must not block us; O_PATH takes no such flag.
  if ((flags & O_PATH) == 0) flags |= O_NONBLOCK;
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC | O_NOFOLLOW);
  how.mode = (flags & O_CREAT) != 0 ? 0600 : 0;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  return Fd(static_cast<int>(::syscall(SYS_openat2, directory, path.c_str(), &how, sizeof how)));
}

std::uint64_t FoundRunFile::SizeBytes() const {
  struct stat info {};
  if (::fstatat(directory, entry, &info, AT_SYMLINK_NOFOLLOW) != 0) return 0;
  return static_cast<std::uint64_t>(info.st_size);
}

Status VisitRunFiles(Fd directory, const std::function<void(const FoundRunFile&)>& visit) {
  return Walk{visit}.Into(std::move(directory), "", 0);
}

void FirstNames::Offer(const std::string& name) {
  if (name <= after_ || max_ == 0) return;
  if (names_.size() == max_ && name >= *names_.rbegin()) return;
  names_.insert(name);
  if (names_.size() > max_) names_.erase(std::prev(names_.end()));
}

}  // namespace muster::storage
