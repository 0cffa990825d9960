// The start: it is recorded, everybody counts as heard, and deadlines are computed from the state.
#include <algorithm>

#include "scheduler/model/queries.h"
#include "server/core/core_impl.h"

namespace muster::server {

namespace {

constexpr std::uint32_t kDefaultPoolMaxNodes = 10'000;

// Slots: as many as each node has.
void CreateDefaults(scheduler::Decision& decision) {
  const WorkspaceName workspace("default");
  decision.Emit(scheduler::WorkspaceCreated{workspace});
  scheduler::PoolCreated pool;
  pool.workspace = workspace;
  pool.name = PoolName("default");
  pool.max_nodes = kDefaultPoolMaxNodes;
  decision.Emit(std::move(pool));
}

}  // namespace

void Core::Impl::Start(Step& step) {
  const Now now = step.now();
  last_now = now.steady;
  step.decision.Emit(scheduler::ServerStarted{state.epoch + 1});
  if (state.workspaces.empty()) CreateDefaults(step.decision);
  // Counted from the start: how long this server was away is not to be told from a clock that may
  // have been set meanwhile, and a node that was told to hold on for longer must not be judged by
  // it.
  if (state.leases_extended_until) {
    leases_extended_until = now.steady + config.planned_stop_extension;
  }
  for (const auto& [id, node] : state.nodes) sessions.Of(id, now);
  for (const auto& [id, attempt] : state.attempts) {
    levels.Track(state, id);
    ports.Use(id, attempt.master_port);
    ScheduleAttempt(id, now);
  }
  for (const auto& [id, node] : state.nodes) ScheduleCheck(id);
  step.after_levels.push_back(scheduler::PublishIdentities{});
}

}  // namespace muster::server
