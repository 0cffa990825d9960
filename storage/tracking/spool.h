// A part of a script's spool inside the writer's transaction. Each line is done or refused by
// itself; together with them the place up to which the file has been read is moved on, so that
// whatever is sent again counts once.
#pragma once

#include "storage/tracking/changes.h"
#include "storage/tracking/commit.h"
#include "storage/tracking/rows.h"

namespace muster::storage {

// `job`: the run of spool.job, sequence 0 if it has no row. OUT_OF_RANGE for a part that begins
// beyond the place.
Committed CommitSpool(TrackingRows& rows, const TrackingChange& change, const AppendSpool& spool,
                      TrackedRun job, const TrackingLimits& limits);

}  // namespace muster::storage
