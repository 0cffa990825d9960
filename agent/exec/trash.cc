#include "agent/exec/trash.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "agent/shim/files.h"
#include "agent/shim/unique_fd.h"

namespace muster::agent {
namespace {

// Directories below this are moved up into the trash itself, so that no tree is too deep for us.
constexpr int kMaxDepth = 64;

// The job may have taken its own rights away. Never follows a link that took the directory's place.
void GiveRights(int parent, const char* name) {
  const UniqueFd directory(::openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (directory.get() < 0) return;
  const std::string path = "/proc/self/fd/" + std::to_string(directory.get());
  ::chmod(path.c_str(), 0700);
}

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
    GiveRights(parent, name);
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

Result<std::unique_ptr<Trash>> Trash::Open(std::string directory, const TrashPace& pace) {
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST)
    return Fail(SystemError(ErrorReason::kIo, "cannot make " + directory));
  return std::unique_ptr<Trash>(new Trash(std::move(directory), pace));
}

Trash::Trash(std::string directory, const TrashPace& pace)
    : directory_(std::move(directory)),
      pace_(pace),
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
    newest_ = ReadClock().steady;
    if (waiting_++ == 0) oldest_ = newest_;
    filled_ = true;
  }
  wake_.notify_one();
  return {};
}

void Trash::AwaitQuiet(std::unique_lock<std::mutex>& lock) {
  while (!stop_ && waiting_ != 0 && waiting_ < pace_.most) {
    const SteadyPoint until = std::min(newest_ + pace_.quiet, oldest_ + pace_.longest);
    const SteadyPoint now = ReadClock().steady;
    if (now >= until) return;
    wake_.wait_for(lock, until - now);
  }
}

void Trash::Run() {
  std::unique_lock lock(mutex_);
  while (!stop_) {
    wake_.wait(lock, [this] { return filled_; });
    AwaitQuiet(lock);
    filled_ = false;
    waiting_ = 0;
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
