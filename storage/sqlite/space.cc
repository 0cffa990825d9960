#include "storage/sqlite/space.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <thread>

#include "base/log.h"
#include "storage/files/posix.h"

namespace muster::storage {

Status ProbeSpace(const std::string& directory, std::uint64_t bytes) {
  const std::string path = directory + "/space-probe";
  const Fd file(::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file.valid()) return Fail(IoError(errno, "can't create " + path));
  const int error = ::posix_fallocate(file.get(), 0, static_cast<off_t>(bytes));
  ::unlink(path.c_str());
  if (error != 0) {
    return Fail(
        IoError(error, "no room for " + std::to_string(bytes >> 20) + " MiB in " + directory));
  }
  return {};
}

Status RetryWhileFull(const std::string& directory, const std::function<Status()>& attempt,
                      const std::function<void(Duration)>& pause) {
  constexpr Duration kPause = std::chrono::seconds(1);
  constexpr int kPausesPerMessage = 30;
  for (int pauses = 0;; ++pauses) {
    Status status = attempt();
    if (status || status.error().code != ErrorCode::kResourceExhausted) {
      if (pauses > 0) Log(LogLevel::kInfo, "state_disk_has_space", {{"directory", directory}});
      return status;
    }
    if (pauses % kPausesPerMessage == 0) {
      Log(LogLevel::kWarning, "waiting_for_state_disk_space",
          {{"directory", directory},
           {"error", status.error().message},
           {"hint", "free some space on this disk; the server goes on by itself"}});
    }
    pause(kPause);
  }
}

void Pause(Duration duration) { std::this_thread::sleep_for(duration); }

}  // namespace muster::storage
