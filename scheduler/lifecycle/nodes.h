// Nodes: how they join, are taken out of use, are lost, come back and go.
#pragma once

#include "scheduler/lifecycle/request.h"

namespace muster::scheduler {

// A known id may join its own pool again: its old certificate is void then. Another pool's or
// workspace's id is refused with ALREADY_EXISTS (kNameTaken).
Result<Answer> Decide(Decision& decision, const EnrollNode& command,
                      const Surroundings& surroundings);
Result<Answer> Decide(Decision& decision, const RenewNodeCertificate& command,
                      const Surroundings& surroundings);
// Cordon, drain, and the end of both. What runs goes on.
Result<Answer> Decide(Decision& decision, const CordonNode& command,
                      const Surroundings& surroundings);
// Its attempts are lost now, on the operator's word: retries do not wait for leases.
Result<Answer> Decide(Decision& decision, const DeclareNodeLost& command,
                      const Surroundings& surroundings);
// Refused while it holds work that is not lost.
Result<Answer> Decide(Decision& decision, const RemoveNode& command,
                      const Surroundings& surroundings);

// A session was opened: the node is no longer lost, and its facts are these. A new boot id means
// that nothing of before runs there any more.
void NoteArrival(Decision& decision, const NodeId& node, const NodeFacts& facts);

// Gives the node up, and with it every attempt there.
void LoseNode(Decision& decision, const NodeId& node, const Cause& cause);

}  // namespace muster::scheduler
