// Tables of tracking.db.
#pragma once

#include "storage/sqlite/schema.h"

namespace muster::storage {

const Schema& TrackingSchema();

}  // namespace muster::storage
