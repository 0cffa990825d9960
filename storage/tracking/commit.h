// One change inside the writer's transaction: reads what it needs, decides, writes.
#pragma once

#include "base/result.h"
#include "storage/tracking/changes.h"
#include "storage/tracking/rows.h"

namespace muster::storage {

// The outer error: the database failed, and the transaction must be rolled back. The inner one: the
// change is refused, and nothing of it was written.
using Committed = Result<Result<TrackingAnswer>>;
Committed Commit(TrackingRows& rows, const TrackingChange& change, const TrackingLimits& limits);

}  // namespace muster::storage
