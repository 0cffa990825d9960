// Faults of a spec that depend on the state: pool, size, datastores. The core judges them again at
// the submit itself; this is for listing them beside the faults that the spec has by itself. Pure.
#pragma once

#include <vector>

#include "base/error.h"
#include "base/ids.h"
#include "muster/v1/jobs.pb.h"
#include "scheduler/model/state.h"

namespace muster::server {

std::vector<Fault> StateFaults(const scheduler::State& state, const WorkspaceName& workspace,
                               const muster::v1::JobSpec& spec);

}  // namespace muster::server
