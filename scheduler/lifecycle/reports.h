// What a node observes, made into events. A report is a level: it may skip phases, and it may
// repeat what is known.
#pragma once

#include <set>
#include <vector>

#include "scheduler/lifecycle/decision.h"
#include "scheduler/model/command.h"

namespace muster::scheduler {

struct NodeLevel {
  const NodeId& node;
  const std::vector<ObservedAttempt>& attempts;
  // Attempts that the node was told to prepare or run in this session. One that is to stop and was
  // not told so can't start any more, so that its absence from a report means that it is gone.
  const std::set<AttemptId>& told_to_start;
};

// In order of the reports of a session: `level` was made after every level that the server sent to
// the node in earlier sessions had been obeyed or missed for ever. Attempts that the server does
// not know of are left out: the node ends them, as no level contains them.
void ObserveLevel(Decision& decision, const NodeLevel& level);

}  // namespace muster::scheduler
