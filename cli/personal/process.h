// Daemons of a personal server: started so that none is ever unknown, ended by what they are and
// never by their name.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "cli/owned_fd.h"

namespace muster::cli {

// One process for all time: numbers are given again, starts of a boot are not.
struct ProcessMark {
  pid_t pid = 0;
  std::uint64_t started_ticks = 0;  // since boot (/proc/<pid>/stat, field 22)
  std::string boot_id;

  bool operator==(const ProcessMark&) const = default;
};

// Of the text of /proc/<pid>/stat: the start, or nothing if it has ended (a zombie has).
std::optional<std::uint64_t> StartOf(const std::string& stat_text);

bool IsAlive(const ProcessMark& mark);
// Sends the signal if that very process is alive.
void SendSignal(const ProcessMark& mark, int signal);
// SIGTERM to all, after `patience` SIGKILL to those left; those that outlive 2 s more.
std::vector<ProcessMark> EndProcesses(const std::vector<ProcessMark>& marks, Duration patience);

struct DaemonCommand {
  std::filesystem::path program;
  std::vector<std::string> arguments;
  std::filesystem::path log;  // stdout and stderr are appended; mode 0600
};

// A process that waits for Release() before it becomes the program: whoever remembers its mark
// first can be killed at any instant and leaves nothing unknown. Ends by itself when this object,
// or this process, ends without it.
class HeldDaemon {
 public:
  // A session of its own, stdin /dev/null, no other descriptor, cwd /, umask 022, and of the
  // environment what says who and where the user is.
  static Result<HeldDaemon> Start(const DaemonCommand& command);

  const ProcessMark& mark() const { return mark_; }
  Status Release();

 private:
  HeldDaemon(ProcessMark mark, OwnedFd go) : mark_(std::move(mark)), go_(std::move(go)) {}

  ProcessMark mark_;
  OwnedFd go_;
};

}  // namespace muster::cli
