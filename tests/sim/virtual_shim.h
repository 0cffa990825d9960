// The processes of one attempt on one node: a shim and its ranks. Outlives the agent, not the
// machine.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/core/agent_core.h"
#include "tests/sim/messages.h"
#include "tests/sim/truth.h"
#include "tests/sim/workload.h"
#include "tests/sim/world.h"

namespace muster::sim {

// Whoever listens to shims; what nobody hears is found in the shim later.
class ShimListener {
 public:
  virtual ~ShimListener() = default;
  virtual void OnRunning(const AttemptId& id) = 0;
  virtual void OnRank(const AttemptId& id, const agent::Rank& rank) = 0;
  virtual void OnExited(const AttemptId& id) = 0;
  virtual void OnDaemonRequested(const AttemptId& id, const agent::DaemonRequest& request) = 0;
  virtual void OnDaemonEnded(const AttemptId& id, const agent::DaemonExit& exit) = 0;
};

class VirtualShim : public std::enable_shared_from_this<VirtualShim> {
 public:
  struct Place {
    World& world;
    Truth& truth;
    const MachineClock& clock;
    ShimListener& listener;
    NodeId node;
  };
  VirtualShim(const Place& place, const AttemptId& id, TaskText task, const JobPlan& plan);

  // Call once, first.
  void Start();
  void StartDaemon(const agent::DaemonRequest& request);
  void AnswerDaemon(const agent::DaemonExit& exit);
  void Terminate(Duration grace);
  void Kill();
  // Ends everything with a reason of its own (a lease that nobody renews).
  void KillBecause(agent::Failure failure);
  // The machine went down, or the shim itself was killed: no record of anything.
  void Vanish();
  // A new agent listens: those who wait for it ask again.
  void Reconnect();

  const AttemptId& id() const { return id_; }
  bool up() const { return up_; }
  bool alive() const { return alive_; }
  const std::optional<agent::Failure>& failure() const { return failure_; }
  std::vector<agent::Rank> ranks() const;
  std::vector<agent::DaemonRequest> daemons_started() const;
  std::vector<agent::DaemonExit> daemon_exits() const;

 private:
  bool IsMpi() const;
  bool IsHead() const { return task_.node_rank == 0; }
  void ComeUp();
  void StartRanks();
  void EndRank(std::uint32_t rank, RealExit exit);
  bool RanksRun() const;
  void ExitIfDone();
  void Exit();
  RealExit PlannedExit(std::uint32_t rank) const;
  Duration PlannedTime(std::uint32_t rank);
  // Runs on a live shim only.
  void Later(Duration delay, std::function<void()> action);

  Place place_;
  AttemptId id_;
  TaskText task_;
  const JobPlan& plan_;
  bool alive_ = true;
  bool up_ = false;
  bool stopping_ = false;
  bool ranks_started_ = false;
  bool exiting_ = false;
  std::map<std::uint32_t, agent::Rank> ranks_;
  std::optional<agent::Failure> failure_;
  std::optional<agent::DaemonRequest> daemon_;             // that this node runs
  std::optional<agent::DaemonExit> daemon_exit_;           // and how it ended
  std::map<std::uint64_t, agent::DaemonRequest> waiting_;  // of mpirun on the head
};

}  // namespace muster::sim
