// The users: they make the pools, submit the jobs of the workload, cancel some of them, and hold
// the server to what it has answered.
#pragma once

#include <map>
#include <set>
#include <string>

#include "tests/sim/audit.h"
#include "tests/sim/caller.h"
#include "tests/sim/workload.h"

namespace muster::sim {

class Clients {
 public:
  Clients(World& world, const Workload& workload, const Audit& audit, Caller& caller)
      : world_(world), workload_(workload), audit_(audit), caller_(caller) {}

  void Start();
  // Promises that every submit has been answered and every cancelled job has ended.
  void PromiseAllAnswered() const;
  // Keeps a node from new work, or lets it work again.
  void Cordon(const NodeId& node, bool cordoned);
  // `on_answer` runs once the server has answered; perhaps more than once.
  void DeclareLost(const NodeId& node, std::function<void()> on_answer);

 private:
  void CreatePools();
  void Submit(const JobPlan& job);
  void SubmitAnswered(const JobPlan& job, const Result<server::ReplyValue>& value);
  void Cancel(const JobPlan& job, const JobId& id);
  void CancelAnswered(const JobId& id, const Result<server::ReplyValue>& value);
  scheduler::Idempotency NextKey(const std::string& what);

  World& world_;
  const Workload& workload_;
  const Audit& audit_;
  Caller& caller_;
  std::map<std::string, JobId> acknowledged_;
  std::set<std::string> refused_;
  std::set<JobId> cancelled_;  // the cancel was acknowledged
  std::uint64_t operator_calls_ = 0;
};

}  // namespace muster::sim
