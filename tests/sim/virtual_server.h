// musterd in virtual time: the real core, and around it what the core loop does: batches to the
// disk, replies and effects out once they are durable, timers, sessions. Crashes and planned stops
// included.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <utility>

#include "server/core/core.h"
#include "tests/sim/durable_log.h"
#include "tests/sim/network.h"
#include "tests/sim/virtual_disk.h"
#include "tests/sim/workload.h"

namespace muster::sim {

class VirtualServer {
 public:
  using OnReply = std::function<void(const Result<server::ReplyValue>&)>;

  VirtualServer(World& world, const Workload& workload, DurableLog& log, Network& network);

  bool up() const { return core_ != nullptr; }
  // Boots from what is durable. Promises that rows and fold agree.
  void Start();
  // Nothing that is not durable survives; nobody gets an answer.
  void Crash();
  // Says goodbye, ends once that is out. `stopped` is called then.
  void Stop(std::function<void()> stopped);

  // A call arrives now. `on_reply` runs once the answer is out; never, if the server dies before.
  void Call(const scheduler::Command& command, OnReply on_reply);
  void Receive(const ConnectionPtr& connection, const UpMessage& message);
  void SeeBreak(const ConnectionPtr& connection);

  VirtualDisk& disk() { return disk_; }
  MachineClock& clock() { return clock_; }
  const server::Core& core() const { return *core_; }
  Now now() const { return world_.NowOn(clock_); }

 private:
  struct Pending {
    std::vector<scheduler::Effect> effects;
    std::vector<server::Reply> replies;
    bool durable = false;
  };

  void Handle(server::RequestNumber request, const scheduler::Command& command);
  void Process(server::StepOutput output);
  void ReleaseDurable();
  void Release(Pending& pending);
  void Perform(const scheduler::Effect& effect);
  void SendLevel(const ConnectionPtr& connection, agent::Desired level);
  void SetTimer();
  // Runs unless the server has died since.
  std::function<void()> WhileAlive(std::function<void()> action);
  ConnectionPtr Find(const NodeId& node, std::uint64_t session) const;
  scheduler::Command FromNode(const NodeId& node, scheduler::CommandBody body) const;

  World& world_;
  const Workload& workload_;
  DurableLog& log_;
  Network& network_;
  VirtualDisk disk_;
  MachineClock clock_;

  std::unique_ptr<server::Core> core_;
  std::uint64_t process_ = 0;
  std::uint64_t last_session_ = 0;
  std::map<std::pair<NodeId, std::uint64_t>, ConnectionPtr> sessions_;
  std::deque<std::shared_ptr<Pending>> pending_;
  std::map<server::RequestNumber, OnReply> calls_;
  server::RequestNumber last_request_ = 0;
  std::optional<SteadyPoint> timer_;
  std::uint64_t timer_generation_ = 0;
  std::uint64_t steps_ = 0;
  std::function<void()> stopped_;
};

}  // namespace muster::sim
