#include "scheduler/model/apply.h"

#include <variant>

#include "base/check.h"
#include "scheduler/model/apply_parts.h"
#include "scheduler/model/queries.h"

namespace muster::scheduler {

namespace {

template <class Map, class Key>
typename Map::mapped_type& MustFindIn(Map& map, const Key& key, const char* what) {
  const auto it = map.find(key);
  MUSTER_CHECK(it != map.end(), what);
  return it->second;
}

void PruneJob(State& state, const JobId& id) {
  const auto job = state.jobs.find(id);
  if (job == state.jobs.end() || !IsTerminal(job->second.status)) return;
  const auto first = state.attempts.lower_bound(AttemptId{id, 0});
  if (first != state.attempts.end() && first->first.job == id) return;
  state.jobs.erase(job);
}

}  // namespace

Job& MustFind(State& state, const JobId& id) {
  return MustFindIn(state.jobs, id, "an event names a job that is not in the state");
}
Attempt& MustFind(State& state, const AttemptId& id) {
  return MustFindIn(state.attempts, id, "an event names an attempt that is not in the state");
}
Node& MustFind(State& state, const NodeId& id) {
  return MustFindIn(state.nodes, id, "an event names a node that is not in the state");
}
Pool& MustFind(State& state, const PoolKey& key) {
  return MustFindIn(state.pools, key, "an event names a pool that is not in the state");
}

void Apply(State& state, const Event& event, Touched& touched) {
  MUSTER_CHECK(event.sequence == state.last_sequence + 1, "events are applied without gaps");
  state.last_sequence = event.sequence;
  const ApplyContext context{state, touched, event.sequence, event.time};
  std::visit([&context](const auto& body) { ApplyBody(context, body); }, event.body);
}

void Prune(State& state, const Touched& touched) {
  for (const AttemptId& id : touched.attempts) {
    const auto it = state.attempts.find(id);
    if (it == state.attempts.end()) continue;
    if (it->second.phase == AttemptPhase::kEnded && !HoldsAnyNode(it->second)) {
      state.attempts.erase(it);
    }
  }
  for (const JobId& id : touched.jobs) PruneJob(state, id);
  for (const AttemptId& id : touched.attempts) PruneJob(state, id.job);
}

}  // namespace muster::scheduler
