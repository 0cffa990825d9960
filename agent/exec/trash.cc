#include "agent/exec/trash.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "agent/shim/files.h"

namespace muster::agent {
namespace {

// Directories below this are moved up into the trash itself, so that no tree is too deep for us.
constexpr int kMaxDepth = 64;

class TreeRemover {
 public:
  TreeRemover(int trash, const std::atomic<bool>& stop) : trash_(trash), stop_(stop) {}

  void Remove(int parent, const char* name, int depth) {
    if (stop_ || ::unlinkat(parent, name, 0) == 0 || errno == ENOENT) return;
    if (depth >= kMaxDepth) {
      const std::string flat =
          "deep-" + std::to_string(::getpid()) + "-" + std::to_string(moved_++);
      ::renameat(parent, name, trash_, flat.c_str());
      return;
    }
    // The job may have taken its own rights away.
    ::fchmodat(parent, name, 0700, 0);
    const int fd = ::openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR* directory = fd < 0 ? nullptr : ::fdopendir(fd);
    if (directory == nullptr) return;
    while (const dirent* entry = ::readdir(directory)) {
      const std::string child = entry->d_name;
      if (child != "." && child != "..") Remove(fd, child.c_str(), depth + 1);
    }
    ::closedir(directory);
    ::unlinkat(parent, name, AT_REMOVEDIR);
  }

  std::uint64_t moved() const { return moved_; }

 private:
  int trash_;
  const std::atomic<bool>& stop_;
  std::uint64_t moved_ = 0;
};

}  // namespace

Result<std::unique_ptr<Trash>> Trash::Open(std::string directory) {
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST)
    return Fail(SystemError(ErrorReason::kIo, "cannot make " + directory));
  return std::unique_ptr<Trash>(new Trash(std::move(directory)));
}

Trash::Trash(std::string directory)
    : directory_(std::move(directory)),
      prefix_(std::to_string(WallMicros()) + "-"),
      thread_([this] { Run(); }) {}

Trash::~Trash() {
  stop_ = true;
  {
    const std::lock_guard lock(mutex_);
    filled_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

Status Trash::Throw(const std::string& path) {
  const std::string target = directory_ + "/" + prefix_ + std::to_string(count_++);
  if (::rename(path.c_str(), target.c_str()) != 0) {
    if (errno == ENOENT) return {};
    return Fail(SystemError(ErrorReason::kIo, "cannot remove " + path));
  }
  {
    const std::lock_guard lock(mutex_);
    filled_ = true;
  }
  wake_.notify_one();
  return {};
}

void Trash::Run() {
  std::unique_lock lock(mutex_);
  while (!stop_) {
    wake_.wait(lock, [this] { return filled_; });
    filled_ = false;
    lock.unlock();
    if (!stop_) Empty();
    lock.lock();
  }
}

void Trash::Empty() {
  const auto trash = OpenDirectory(directory_);
  if (!trash) return;
  TreeRemover remover(trash->get(), stop_);
  for (std::uint64_t moved_before = 0;; moved_before = remover.moved()) {
    DIR* directory = ::opendir(directory_.c_str());
    if (directory == nullptr) return;
    while (const dirent* entry = ::readdir(directory)) {
      const std::string name = entry->d_name;
      if (name != "." && name != "..") remover.Remove(trash->get(), name.c_str(), 0);
    }
    ::closedir(directory);
    if (stop_ || remover.moved() == moved_before) return;
  }
}

}  // namespace muster::agent
