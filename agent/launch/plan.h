// From a task to what the shim of this node shall do. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/launch/network.h"
#include "agent/shim/launch_file.h"
#include "base/ids.h"
#include "base/result.h"

namespace muster::v1 {
class AttemptTask;
}

namespace muster::agent {

struct NodeSetup {
  NodeId node;
  std::string attempt_directory;  // absolute
  std::string node_directory;     // hidden from the job; empty: not
  std::string program_directory;  // of muster-shim and muster-rsh
  std::string host_name;          // inside attempts that are not MPI; empty: the machine's
  std::string machine_host_name;
  std::string interpreter;
  std::string job_python_directory;  // on every script's PYTHONPATH, last; empty: none
  bool namespaces = true;
  std::optional<Credentials> credentials;
  bool as_root = false;  // the job's processes have uid 0
  std::uint64_t rank_log_max_bytes = 0;
  std::uint32_t cores = 0;  // of this machine; 0: not known
  std::vector<LocalNetwork> networks;
};

// FAILED_PRECONDITION or UNIMPLEMENTED (kLaunch) when this node can't run the task.
Result<LaunchFile> PlanLaunch(const AttemptId& id, const v1::AttemptTask& task,
                              const NodeSetup& setup);

// --- parts of it, for tests ---

// Of every rank of this node, but for RANK and LOCAL_RANK.
Environment JobEnvironment(const AttemptId& id, const v1::AttemptTask& task,
                           const NodeSetup& setup);
// Ranks of the gang on this node's machine: virtual nodes share one, and then an address.
std::uint32_t RanksOnMachine(const v1::AttemptTask& task);
// Of mpirun and orted: nothing of the user's.
Environment LauncherEnvironment(const NodeSetup& setup);
std::vector<std::string> MpirunCommand(const v1::AttemptTask& task, const NodeSetup& setup);

}  // namespace muster::agent
