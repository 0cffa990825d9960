// Compares the rows with the fold of all events.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "storage/sqlite/connection.h"

namespace muster::storage {

// One sentence a difference, at most a thousand; empty: they agree. In one read transaction, so it
// may run beside the writer. Time and memory are those of the whole history.
Result<std::vector<std::string>> CompareEventsWithRows(Connection& connection);

}  // namespace muster::storage
