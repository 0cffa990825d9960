// The state that the current rows describe.
#pragma once

#include "base/result.h"
#include "scheduler/model/state.h"
#include "storage/sqlite/connection.h"

namespace muster::storage {

// Live jobs, ended ones of which an attempt holds a node, and the newest answers; derived members
// filled in. Linear in those. DATA_LOSS (kCorruptState) for rows that can't be read or lead
// nowhere.
Result<scheduler::State> LoadState(Connection& connection);

}  // namespace muster::storage
