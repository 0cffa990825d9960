// Starts one process of the job's account.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "agent/shim/launch_file.h"
#include "base/result.h"

namespace muster::agent {

struct ProcessSpec {
  std::string program;  // absolute path
  std::vector<std::string> argv;
  std::vector<std::string> environment;  // "K=V"
  std::string directory;                 // to start in
  int output = -1;                       // becomes stdout and stderr
  const Credentials* credentials = nullptr;
  bool new_session = false;  // otherwise a process group of its own
};

// What could not be started, in the manner of a shell: 127 not found, 126 found but not executable.
struct StartFailure {
  std::int32_t exit_code = 127;
  std::string message;  // one sentence
};

// The process has been executed when this returns. It has no descriptor of ours but 0 (/dev/null),
// 1 and 2, default signals, no new privileges, and is killed when the caller dies.
tl::expected<pid_t, StartFailure> StartProcess(const ProcessSpec& spec);

}  // namespace muster::agent
