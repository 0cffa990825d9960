#include "agent/session/node_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string_view>

namespace muster::agent {
namespace {

constexpr char kMachineBootId[] = "/proc/sys/kernel/random/boot_id";

Status MakeDirectory(const std::string& path, mode_t mode) {
  if (mkdir(path.c_str(), mode) == 0 || errno == EEXIST) return {};
  return Fail(ErrorCode::kInternal, ErrorReason::kIo,
              "cannot make directory " + path + ": " + std::strerror(errno));
}

// A former agent that has just been killed may still be going.
bool Lock(int fd) {
  constexpr int kTries = 40;
  constexpr useconds_t kPauseUs = 50'000;
  for (int i = 0; i < kTries; ++i) {
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) return true;
    if (errno != EWOULDBLOCK) return false;
    usleep(kPauseUs);
  }
  return false;
}

// First line, without white space at its ends.
std::string FirstLine(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  const auto first = line.find_first_not_of(" \t\r");
  if (first == std::string::npos) return {};
  return line.substr(first, line.find_last_not_of(" \t\r") - first + 1);
}

}  // namespace

Result<std::unique_ptr<NodeDirectory>> NodeDirectory::Open(std::string path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) {
    return Fail(ErrorCode::kInternal, ErrorReason::kIo,
                "cannot make directory " + path + ": " + error.message());
  }
  const std::string lock = path + "/lock";
  const int fd = open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) {
    return Fail(ErrorCode::kInternal, ErrorReason::kIo,
                "cannot open " + lock + ": " + std::strerror(errno));
  }
  std::unique_ptr<NodeDirectory> directory(new NodeDirectory(std::move(path), fd));
  if (!Lock(fd)) {
    return Fail(ErrorCode::kFailedPrecondition, ErrorReason::kStateLocked,
                "another muster-agent is running in " + directory->path());
  }
  // Jobs of another account go through <dir>/attempts only; the rest is the agent's own.
  for (const char* name : {"identity", "ledger", "blobs", "incoming"}) {
    MUSTER_TRY(MakeDirectory(directory->path() + "/" + name, 0700));
  }
  return directory;
}

NodeDirectory::~NodeDirectory() { close(lock_fd_); }

Result<std::string> NodeDirectory::ReadBootId(bool is_virtual) const {
  std::string boot_id = FirstLine(kMachineBootId);
  if (boot_id.empty()) {
    return Fail(ErrorCode::kInternal, ErrorReason::kIo,
                std::string("cannot read ") + kMachineBootId);
  }
  if (!is_virtual) return boot_id;
  const std::string own = FirstLine(path_ + "/boot-id");
  return own.empty() ? boot_id : boot_id + "-" + own;
}

}  // namespace muster::agent
