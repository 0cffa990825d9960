// What really happens on the virtual machines, whatever anybody believes: which processes live
// where and how they ended. Checks at the moment a process starts what no fault may ever break.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "tests/sim/workload.h"

namespace muster::sim {

struct RealExit {
  std::optional<std::int32_t> exit_code;
  std::optional<std::int32_t> signal;
  friend bool operator==(const RealExit&, const RealExit&) = default;
};

class Truth {
 public:
  void Staged(const AttemptId& attempt, const NodeId& node);
  // Promises: started once on this node; every node of the gang was staged; no other attempt of the
  // job lives anywhere.
  void Started(const AttemptId& attempt, const NodeId& node, const std::vector<NodeId>& gang);
  void Ended(const AttemptId& attempt, const NodeId& node);
  void RankEnded(const AttemptId& attempt, std::uint32_t rank, RealExit exit);

  bool Lives(const AttemptId& attempt, const NodeId& node) const;
  // How the rank really ended; nothing: it did not, or died with its machine or shim.
  std::optional<RealExit> ExitOf(const AttemptId& attempt, std::uint32_t rank) const;
  // Whether `ranks` ranks ended, each with 0.
  bool AllSucceeded(const AttemptId& attempt, std::uint32_t ranks) const;
  // Every attempt and node with processes now.
  std::vector<std::pair<AttemptId, NodeId>> Living() const;

 private:
  struct Facts {
    std::set<NodeId> staged;
    std::set<NodeId> started;
    std::set<NodeId> alive;
    std::map<std::uint32_t, RealExit> exits;
  };
  std::map<AttemptId, Facts> attempts_;
};

}  // namespace muster::sim
