// Moves a process's output from a pipe to its log, up to a limit; what comes after is read and
// dropped, so that the process never waits for us. Not thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "agent/shim/unique_fd.h"
#include "base/result.h"

namespace muster::agent {

class LogPump {
 public:
  // Opens (appends to) directory/name. The file belongs to `owner` if given.
  static Result<LogPump> Open(const std::string& directory, const std::string& name,
                              std::uint64_t max_bytes, const struct Credentials* owner);

  // Our own lines; subject to the limit as well.
  void Write(std::string_view text);
  // The log itself, for a process that is trusted to write little.
  int log() const { return log_.get(); }
  // For the process: blocking. Owned by the pump until CloseWriter.
  int writer() const { return writer_.get(); }
  void CloseWriter() { writer_.Reset(); }

  // -1 once the pipe has ended.
  int reader() const { return reader_.get(); }
  // Takes what the pipe holds, at most about 4 MiB a call. False when there was nothing.
  bool Pump();
  // Everything that has been written so far.
  void Drain() {
    while (reader_ && Pump()) {
    }
  }

 private:
  UniqueFd log_;
  UniqueFd reader_;
  UniqueFd writer_;
  std::uint64_t size_ = 0;
  std::uint64_t max_bytes_ = 0;
  bool cut_ = false;
};

}  // namespace muster::agent
