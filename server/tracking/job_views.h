// What the run record needs to know of jobs, which state.db has.
#pragma once

#include <optional>

#include "base/result.h"
#include "server/tracking/run_view.h"
#include "storage/history.h"
#include "storage/tracking/changes.h"

namespace muster::server {

// The specification's tags of a job, and the rest of it. DATA_LOSS if the specification is
// unreadable.
Result<JobView> ViewOf(storage::JobRecord record);

// Nothing: there is no such job.
Result<std::optional<JobView>> FindJob(storage::History& history, const WorkspaceName& workspace,
                                       const storage::RunId& run);

storage::JobRun RunOf(JobView view);

}  // namespace muster::server
