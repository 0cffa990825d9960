// Data references of datastores of kind local: a path of this node.
#pragma once

#include "agent/staging/attempt_directory.h"

namespace muster::agent {

// Makes mounts/<name> (an empty directory or file for the shim to bind to, or a link) and the link
// at path_on_compute, if the job asks for one. kStaging if the path does not exist on this node.
Status StageData(const v1::AttemptTask& task, const StagingSetup& setup);

}  // namespace muster::agent
