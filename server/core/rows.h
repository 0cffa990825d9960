// The rows that belong into the same transaction as the events.
#pragma once

#include "scheduler/model/apply.h"
#include "storage/store.h"

namespace muster::server {

// As they are now: call before Prune. Derived members are left empty.
storage::RowChanges RowsOf(const scheduler::State& state, const scheduler::Touched& touched);

}  // namespace muster::server
