// The layout of attempts/<job>.<n>/ and its staging.
//   task.pb   owned by whoever writes it
//   work/     the snapshot; where the script starts; with outputs/ and logs/
//   logs/     one file a rank, shipped as azureml-logs/*
//   mounts/   data references, by name
//   tmp/      TMPDIR
//   tracking/ the spool of what scripts log, sockets to say so, and files/ that they upload
//   run/      launch.json, sockets, exits/, exit.json, prepared
// work, logs, tmp, tracking and run/exits belong to the job's account, the rest to the agent.
#pragma once

#include <optional>
#include <string>

#include "agent/shim/launch_file.h"
#include "agent/staging/unpack.h"
#include "base/ids.h"
#include "base/result.h"

namespace muster::v1 {
class AttemptTask;
}

namespace muster::agent {

struct StagingSetup {
  NodeId node;
  std::string attempt_directory;
  std::optional<Credentials> owner;
  bool namespaces = true;  // data is bound by the shim; otherwise linked
  UnpackLimits limits;
};

// Whether there is something at this absolute path of the node (of datastores of kind local).
bool LocalPathExists(const std::string& path);
// Whether it is known that there is nothing, or nothing that the agent may look at. False where
// the look itself failed, as it does below a mount that is stale.
bool LocalPathIsMissing(const std::string& path);

// Stages everything. `archive_path`: the snapshot, empty if the job has none. Blocking. The
// attempt's directory must not hold anything from an earlier try but task.pb and run/.
Status StageAttempt(const v1::AttemptTask& task, const StagingSetup& setup,
                    const std::string& archive_path);

// StageAttempt has ended well here.
bool IsStaged(const std::string& attempt_directory);

}  // namespace muster::agent
