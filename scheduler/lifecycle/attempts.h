// The life of an attempt: how it starts, moves on by what its nodes have reached, stops and ends,
// and what its end means for the job. All of them emit; none fails.
#pragma once

#include <cstdint>
#include <vector>

#include "scheduler/lifecycle/decision.h"

namespace muster::scheduler {

// Gives the nodes, in node-rank order, to the queued job, which is Preparing then.
void StartAttempt(Decision& decision, const JobId& job, std::vector<NodeId> nodes,
                  std::uint32_t master_port);

// The attempt is to end, for this cause; the first one counts, unless this one explains it. It ends
// when every node is rid of it. Otherwise nothing happens to one that is stopping or has ended.
void StopAttempt(Decision& decision, const AttemptId& id, StopMode mode, Cause cause);

// The node is given up for this attempt: what runs there is stopped when it returns. Stops the
// rest.
void LoseOnNode(Decision& decision, const AttemptId& id, const NodeId& node, const Cause& cause);

// Takes the steps that the phases of the nodes allow: launch, finalize, end.
void AdvanceAttempt(Decision& decision, const AttemptId& id);

// Ends it now, whatever its nodes say; the unfinished ones stay held. Its job completes, fails, is
// canceled, or waits for another attempt.
void EndAttempt(Decision& decision, const AttemptId& id);

// The status of a live job that is neither silent nor to be canceled.
JobStatus LiveStatus(const Job& job, const Attempt& attempt);

}  // namespace muster::scheduler
