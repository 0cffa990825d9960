#include "tests/sim/simulation.h"

#include <memory>
#include <vector>

#include "scheduler/lifecycle/transitions.h"
#include "scheduler/placement/explain.h"
#include "tests/sim/clients.h"
#include "tests/sim/faults.h"
#include "tests/sim/violation.h"

namespace muster::sim {

namespace {

using scheduler::JobStatus;

// An attempt that is younger than this at the end of the hour may still run.
constexpr Duration kMayStillRun = minutes(7);

class Simulation {
 public:
  Simulation(std::uint64_t seed, bool tracing)
      : world_(seed, tracing),
        workload_(DrawWorkload(world_)),
        audit_(workload_, truth_, stats_),
        log_(world_, audit_),
        network_(world_, stats_),
        server_(world_, workload_, log_, network_),
        caller_(world_, network_, server_, stats_),
        clients_(world_, workload_, audit_, caller_),
        faults_({world_, network_, server_, clients_, nodes_}, stats_) {
    MakeNodes();
    Wire();
  }

  void Run() {
    server_.Start();
    clients_.Start();
    faults_.Start();
    world_.RunUntil(kEnd, [] {});
    PromiseTheEnd();
  }

  Outcome Result() {
    stats_.steps = world_.steps();
    return Outcome{std::nullopt, log_.hash(), stats_};
  }

 private:
  void MakeNodes() {
    const VirtualNode::Surroundings around{world_, workload_, truth_, network_, server_, caller_};
    for (const PoolPlan& pool : workload_.pools) {
      for (const NodeId& id : pool.nodes) {
        nodes_.push_back(std::make_unique<VirtualNode>(around, id, pool));
        VirtualNode& node = *nodes_.back();
        by_id_[id] = &node;
        world_.At(world_.Between(seconds(2), seconds(12)), [&node] { node.PowerOn(); });
      }
    }
  }

  void Wire() {
    network_.to_server = [this](const ConnectionPtr& connection, const UpMessage& message) {
      server_.Receive(connection, message);
    };
    network_.to_agent = [this](const ConnectionPtr& connection, const DownMessage& message) {
      by_id_.at(connection->node)->Receive(connection, message);
    };
    network_.server_sees_break = [this](const ConnectionPtr& c) { server_.SeeBreak(c); };
    network_.agent_sees_break = [this](const ConnectionPtr& c) { by_id_.at(c->node)->SeeBreak(c); };
  }

  // Faults are long over: every job has ended, or is under way, or waits for a reason.
  void PromiseTheEnd() {
    Promise(server_.up(), "the server is down at the end");
    PromiseInvariants(log_.fold(), "the durable state at the end");
    PromiseInvariants(server_.core().state(), "the core's state at the end");
    (void)log_.Load();
    clients_.PromiseAllAnswered();
    for (const auto& [id, job] : audit_.jobs()) {
      if (!scheduler::IsTerminal(job.status)) PromiseReason(id, job);
    }
    for (const auto& [attempt, node] : truth_.Living()) {
      const auto known = log_.fold().nodes.find(node);
      Promise(known != log_.fold().nodes.end() && known->second.held.contains(attempt), [&] {
        return ToString(attempt) + " lives on " + node.str() + ", which nobody knows of";
      });
    }
  }

  void PromiseReason(const JobId& id, const Audit::JobFacts& job) {
    stats_.still_waiting += 1;
    const scheduler::State& state = server_.core().state();
    if (job.status != JobStatus::kQueued) {
      const auto attempt = state.attempts.find(AttemptId{id, job.attempts});
      const bool is_young = attempt != state.attempts.end() &&
                            attempt->second.created + kMayStillRun > server_.now().wall;
      Promise(is_young, [&] {
        return "job " + id.str() + " is " + std::string(scheduler::StatusName(job.status)) +
               " for no reason long after the last fault";
      });
      return;
    }
    const auto usable = [this](const NodeId& node) {
      const auto soft = server_.core().Soft(node);
      return soft.connected && !soft.disk_low;
    };
    const scheduler::Pending pending = scheduler::Explain(state, usable, id, server_.now().wall);
    world_.Trace([&] { return "end      " + id.str() + " waits: " + pending.message; });
    Promise(!pending.message.empty(),
            [&] { return "job " + id.str() + " waits without a reason"; });
    const auto& wants = workload_.Plan(job.key).requirements;
    bool is_held = false;
    for (const auto& [node_id, node] : state.nodes) {
      is_held = is_held || (node.pool.name == wants.pool && !node.held.empty());
    }
    Promise(is_held || pending.reason == scheduler::PendingReason::kWaitingForLease, [&] {
      return "job " + id.str() + " waits though its pool is idle: " + pending.message;
    });
  }

  World world_;
  Workload workload_;
  Stats stats_;
  Truth truth_;
  Audit audit_;
  DurableLog log_;
  Network network_;
  VirtualServer server_;
  Caller caller_;
  Clients clients_;
  std::vector<std::unique_ptr<VirtualNode>> nodes_;
  std::map<NodeId, VirtualNode*> by_id_;
  Faults faults_;
};

}  // namespace

Outcome Simulate(std::uint64_t seed, bool tracing) {
  Simulation simulation(seed, tracing);
  std::optional<std::string> violation;
  try {
    simulation.Run();
  } catch (const Violation& found) {
    violation = found.what();
  }
  Outcome outcome = simulation.Result();
  outcome.violation = violation;
  return outcome;
}

}  // namespace muster::sim
