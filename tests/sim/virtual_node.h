// A machine with its agent in virtual time: the real agent core, and around it what the agent's
// loop does: the session, staging, shims, shipping, the ledger. The ledger and the shims outlive
// the agent; of a reboot only the ledger and the exit records remain.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "agent/core/agent_core.h"
#include "tests/sim/caller.h"
#include "tests/sim/network.h"
#include "tests/sim/truth.h"
#include "tests/sim/virtual_shim.h"
#include "tests/sim/workload.h"

namespace muster::sim {

class VirtualNode final : public ShimListener {
 public:
  // What all nodes share.
  struct Surroundings {
    World& world;
    const Workload& workload;
    Truth& truth;
    Network& network;
    VirtualServer& server;
    Caller& caller;
  };
  VirtualNode(const Surroundings& around, NodeId id, const PoolPlan& pool);

  void PowerOn();   // a new boot; the agent starts
  void PowerOff();  // nothing survives but the disk
  void StartAgent();
  void CrashAgent();
  // Kills the shim of some live attempt, if there is one.
  bool KillSomeShim();
  void SetDiskLow(bool low);

  bool powered() const { return powered_; }
  bool agent_up() const { return core_ != nullptr; }
  const NodeId& id() const { return id_; }
  const PoolPlan& pool() const { return pool_; }
  MachineClock& clock() { return clock_; }

  void Receive(const ConnectionPtr& connection, const DownMessage& message);
  void SeeBreak(const ConnectionPtr& connection);

  // ShimListener
  void OnRunning(const AttemptId& id) override;
  void OnRank(const AttemptId& id, const agent::Rank& rank) override;
  void OnExited(const AttemptId& id) override;
  void OnDaemonRequested(const AttemptId& id, const agent::DaemonRequest& request) override;
  void OnDaemonEnded(const AttemptId& id, const agent::DaemonExit& exit) override;

 private:
  struct LedgerEntry {
    std::string task;
    Duration lease{};
    std::optional<SteadyPoint> lease_until;
    bool staged = false;
    bool launched = false;
    bool finished = false;
  };

  Now now() const { return around_.world.NowOn(clock_); }
  scheduler::NodeFacts Facts() const;
  std::function<void()> WhileAlive(std::function<void()> action);

  // --- virtual_node.cc: the session ---
  void Enroll();
  void ConnectAfter(Duration delay);
  void Connect();
  void Welcome(const scheduler::SendWelcome& welcome);
  void BeatHeart(const ConnectionPtr& connection);
  void Disconnect();
  void SetTimer();

  // --- node_actions.cc: what the core wants done ---
  void Do(const agent::AgentCore::Actions& actions);
  void Act(const agent::Prepare& action);
  void Act(const agent::Launch& action);
  void Act(const agent::StartDaemon& action);
  void Act(const agent::AnswerDaemon& action);
  void Act(const agent::Terminate& action);
  void Act(const agent::Kill& action);
  void Act(const agent::ShipRest& action);
  void Act(const agent::Remove& action);
  void Act(const agent::SendReport& action);
  void PromiseRoom(const AttemptId& id) const;
  void Ship(const AttemptId& id);
  // As agent/tracking does: each time that all is shipped.
  void SayWhatTheScriptSaid(const AttemptId& id, const std::string& text);
  std::shared_ptr<VirtualShim> ShimOf(const AttemptId& id) const;
  std::vector<agent::RecoveredAttempt> Recover() const;
  void NoteLeases();
  void GuardLeasesWithoutAgent();

  Surroundings around_;
  NodeId id_;
  const PoolPlan& pool_;
  MachineClock clock_;

  bool powered_ = false;
  std::uint64_t boot_ = 0;
  std::uint64_t process_ = 0;  // starts of the agent
  bool enrolled_ = false;
  bool disk_low_ = false;
  std::map<AttemptId, LedgerEntry> ledger_;
  std::map<AttemptId, std::shared_ptr<VirtualShim>> shims_;
  std::uint64_t seen_epoch_ = 0;

  std::unique_ptr<agent::AgentCore> core_;
  ConnectionPtr connection_;
  bool session_open_ = false;
  Duration heartbeat_interval_{};
  Duration last_answer_{};
  std::optional<SteadyPoint> timer_;
  std::uint64_t timer_generation_ = 0;
};

}  // namespace muster::sim
