// Carries mpirun's wishes from the head node of a gang to the others: daemons to start there, and
// how they ended. Soft: the nodes' reports are levels, so that after a restart of anyone the same
// reports rebuild it.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "scheduler/model/command.h"
#include "scheduler/model/state.h"

namespace muster::server {

// What muster-rsh ends with when a daemon may not be started.
inline constexpr std::int32_t kDaemonRefused = 126;

class DaemonRelay {
 public:
  // `node` is in the attempt's gang. Adds to `changed` the nodes whose level is another now.
  void Observe(const scheduler::Attempt& attempt, const NodeId& node,
               const scheduler::ObservedAttempt& observed, std::set<NodeId>& changed);
  void Forget(const AttemptId& attempt) { entries_.erase(attempt); }

  // Daemons the node is to run. Only the head node's requests count, only for nodes of its own
  // gang, and only orted may be started.
  std::vector<scheduler::DaemonRequest> DaemonsFor(const scheduler::Attempt& attempt,
                                                   const NodeId& node) const;
  // Ends of the head node's open requests, refusals included; empty for other nodes.
  std::vector<scheduler::DaemonExit> ExitsFor(const scheduler::Attempt& attempt,
                                              const NodeId& node) const;

 private:
  struct Entry {
    std::vector<scheduler::DaemonRequest> requests;
    std::map<NodeId, std::vector<scheduler::DaemonExit>> exits;  // by who ran them
  };
  std::map<AttemptId, Entry> entries_;
};

}  // namespace muster::server
