// What the core starts from after a restart of the agent. Pure.
#pragma once

#include <vector>

#include "agent/core/agent_core.h"
#include "agent/session/ledger.h"

namespace muster::agent {

// The ledger says what was taken on, the runner what there is. An attempt that is in one of the two
// only is kept: the server's level decides about it. `leases` are of this boot.
std::vector<RecoveredAttempt> Recover(const std::vector<LedgerRecord>& ledger,
                                      const std::vector<LeaseState>& leases,
                                      std::vector<RecoveredAttempt> found);

}  // namespace muster::agent
