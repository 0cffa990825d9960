// A small cluster for tests of the scheduler: a state, a clock that stands still, and short words
// for what happens. Every step checks that the state's invariants hold.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "scheduler/lifecycle/attempts.h"
#include "scheduler/lifecycle/cancel.h"
#include "scheduler/lifecycle/nodes.h"
#include "scheduler/lifecycle/outcome.h"
#include "scheduler/lifecycle/pools.h"
#include "scheduler/lifecycle/reports.h"
#include "scheduler/lifecycle/silence.h"
#include "scheduler/lifecycle/submit.h"
#include "scheduler/lifecycle/workspaces.h"
#include "scheduler/model/apply.h"
#include "scheduler/model/invariants.h"
#include "scheduler/model/queries.h"

namespace muster::scheduler {

inline const WorkspaceName kDefault{"default"};
inline const NodeId kN1{"n1"};
inline const NodeId kN2{"n2"};
inline const NodeId kN3{"n3"};
inline const TimePoint kStartTime{std::chrono::seconds(1'790'000'000)};

inline JobRequirements Needs(std::uint32_t nodes = 1, std::uint32_t processes = 1,
                             const std::string& pool = "default") {
  JobRequirements needs;
  needs.pool = PoolName(pool);
  needs.node_count = nodes;
  needs.processes_per_node = processes;
  return needs;
}

inline RankState Started(std::uint32_t rank) {
  RankState state;
  state.rank = rank;
  state.started = kStartTime;
  return state;
}
inline RankState Exited(std::uint32_t rank, std::int32_t code, int second = 1) {
  RankState state = Started(rank);
  state.ended = kStartTime + std::chrono::seconds(second);
  state.exit_code = code;
  return state;
}
inline RankState Signaled(std::uint32_t rank, std::int32_t signal, int second = 1) {
  RankState state = Exited(rank, 0, second);
  state.exit_code.reset();
  state.signal = signal;
  return state;
}
inline ObservedAttempt Observed(const AttemptId& id, ObservedPhase phase,
                                std::vector<RankState> ranks = {}) {
  ObservedAttempt observed;
  observed.id = id;
  observed.phase = phase;
  observed.ranks = std::move(ranks);
  return observed;
}
inline Idempotency Key(const std::string& key, const std::string& content = "content") {
  return Idempotency{key, Sha256(content)};
}

inline SubmitJob SubmitCommand(JobRequirements needs, const std::string& key = "") {
  SubmitJob command;
  command.workspace = kDefault;
  if (!key.empty()) command.idempotency = Key(key);
  command.experiment = "digits";
  command.requirements = std::move(needs);
  command.given_spec = "given";
  command.resolved_spec = std::make_shared<const std::string>("resolved");
  return command;
}

class Cluster {
 public:
  Cluster() {
    surroundings.principal.role = Role::kAdmin;
    surroundings.principal.user = UserName("alice");
    surroundings.principal.workspace = kDefault;
    surroundings.max_waiting_jobs = 1000;
    Emit(ServerStarted{1});
    Emit(WorkspaceCreated{kDefault});
    AddPool("default", SharingMode::kExclusive);
  }

  void AddPool(const std::string& name, SharingMode sharing, std::uint32_t slots = 0,
               std::uint32_t max_nodes = 10) {
    Emit(PoolCreated{kDefault, PoolName(name), slots, 0, max_nodes, sharing});
  }
  void AddNode(const NodeId& id, std::uint32_t slots = 4, const std::string& pool = "default") {
    Emit(NodeJoined{id, kDefault, PoolName(pool), Facts(slots), Digest()});
  }
  static NodeFacts Facts(std::uint32_t slots = 4, const std::string& boot = "boot-1") {
    return NodeFacts{"host", "127.0.0.1", slots, boot, "1"};
  }

  void Emit(EventBody body) {
    Do([&](Decision& decision) { decision.Emit(std::move(body)); });
  }
  template <class Command>
  Result<Answer> Ask(const Command& command) {
    Result<Answer> answer;
    Do([&](Decision& decision) { answer = Decide(decision, command, surroundings); });
    return answer;
  }
  JobId Submit(JobRequirements needs) {
    const auto answer = Ask(SubmitCommand(std::move(needs)));
    EXPECT_TRUE(answer.has_value());
    return answer ? JobId(answer->entity) : JobId();
  }
  Result<Answer> Cancel(const JobId& job) {
    CancelJob command;
    command.workspace = kDefault;
    command.job = job;
    return Ask(command);
  }
  AttemptId Start(const JobId& job, std::vector<NodeId> nodes) {
    Do([&](Decision& decision) { StartAttempt(decision, job, std::move(nodes), 61'000); });
    return CurrentAttemptOf(state.jobs.at(job));
  }
  AttemptId SubmitAndStart(JobRequirements needs, std::vector<NodeId> nodes) {
    return Start(Submit(std::move(needs)), std::move(nodes));
  }
  // The node's whole level. `told`: what it was told to start in this session.
  void Report(const NodeId& node, std::vector<ObservedAttempt> attempts,
              std::set<AttemptId> told = {}) {
    Do([&](Decision& decision) { ObserveLevel(decision, NodeLevel{node, attempts, told}); });
  }

  // Of live and of forgotten ones.
  JobStatus StatusOf(const JobId& job) const { return statuses.at(job).status; }
  std::optional<Cause> CauseOf(const JobId& job) const { return statuses.at(job).cause; }
  const Attempt& Get(const AttemptId& id) const { return state.attempts.at(id); }
  NodePhase PhaseOn(const AttemptId& id, const NodeId& node) const {
    return NodeIn(Get(id), node)->phase;
  }

  template <class Function>
  void Do(Function function) {
    Decision decision(state, now, surroundings.principal.user);
    function(decision);
    for (const Event& event : decision.events()) {
      if (const auto* changed = std::get_if<JobStatusChanged>(&event.body)) {
        statuses[changed->job] = *changed;
      }
    }
    last_events = decision.events();
    Prune(state, decision.touched());
    EXPECT_EQ(BrokenInvariants(state), std::vector<std::string>());
  }

  State state;
  Now now{kStartTime, SteadyPoint(std::chrono::hours(5))};
  Surroundings surroundings;
  std::vector<Event> last_events;
  std::map<JobId, JobStatusChanged> statuses;
};

}  // namespace muster::scheduler
