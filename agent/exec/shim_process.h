// Starting and finding shims.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "agent/shim/line_buffer.h"
#include "agent/shim/records.h"
#include "agent/shim/unique_fd.h"
#include "base/result.h"

namespace muster::agent {

constexpr std::size_t kShimLineMaxBytes = 64U << 20;

struct StartedShim {
  UniqueFd connection;  // non-blocking
  UniqueFd starter;     // pidfd of the process that starts the shim and then ends: to be reaped
};
// Starts `program_directory`/muster-shim for the attempt whose run/launch.json is written. Does not
// wait for it. FAILED_PRECONDITION if a shim of this attempt is alive.
Result<StartedShim> SpawnShim(const std::string& program_directory,
                              const std::string& attempt_directory);

// `muster-shim probe`: whether namespaces can be made here. Blocks for some milliseconds.
bool ProbeShim(const std::string& program_directory);

struct FoundShim {
  UniqueFd connection;  // non-blocking
  UniqueFd process;     // pidfd
  std::vector<ShimEvent> level;
  LineBuffer rest{kShimLineMaxBytes};  // read already, not yet understood
};
// Connects to the live shim of an attempt and reads its level. NOT_FOUND if none is alive; one that
// does not answer is killed, so that nothing of it lives on unseen. UNAVAILABLE if it is not gone
// even then: it waits for a disk, say. Blocks while the shim starts, at most two seconds, and two
// more for a kill.
Result<FoundShim> FindShim(const std::string& attempt_directory);

// For one that FindShim could not end: true once none is alive; kills it again otherwise. Call now
// and then.
bool EndShim(const std::string& attempt_directory);

// pidfd of whoever listens at the other end of a connection.
UniqueFd PeerProcess(int connection);
UniqueFd OpenProcess(pid_t pid);
void KillProcess(int process);
// Reaps it if it is a child of ours and has ended.
void Reap(int process);

// SIGKILL to every process that has MUSTER_ATTEMPT_DIRECTORY=<attempt_directory> in its
// environment: what a shim without namespaces leaves when it is killed.
void KillLeftProcesses(const std::string& attempt_directory);

}  // namespace muster::agent
