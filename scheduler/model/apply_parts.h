// The parts of Apply, one overload an event; apply.cc dispatches. Not for others.
#pragma once

#include "scheduler/model/apply.h"

namespace muster::scheduler {

struct ApplyContext {
  State& state;
  Touched& touched;
  std::uint64_t sequence;
  TimePoint time;
};

// apply_server.cc
void ApplyBody(const ApplyContext& context, const ServerStarted& event);
void ApplyBody(const ApplyContext& context, const LeasesExtended& event);
void ApplyBody(const ApplyContext& context, const RequestAnswered& event);
void ApplyBody(const ApplyContext& context, const WorkspaceCreated& event);
void ApplyBody(const ApplyContext& context, const TokenCreated& event);
void ApplyBody(const ApplyContext& context, const TokenRevoked& event);
void ApplyBody(const ApplyContext& context, const TokenForgotten& event);
// apply_pools.cc
void ApplyBody(const ApplyContext& context, const PoolCreated& event);
void ApplyBody(const ApplyContext& context, const PoolUpdated& event);
void ApplyBody(const ApplyContext& context, const PoolDeleted& event);
void ApplyBody(const ApplyContext& context, const DatastoreRegistered& event);
// apply_nodes.cc
void ApplyBody(const ApplyContext& context, const NodeJoined& event);
void ApplyBody(const ApplyContext& context, const NodeCertificateRenewed& event);
void ApplyBody(const ApplyContext& context, const NodeFactsChanged& event);
void ApplyBody(const ApplyContext& context, const NodeCordoned& event);
void ApplyBody(const ApplyContext& context, const NodeLost& event);
void ApplyBody(const ApplyContext& context, const NodeReturned& event);
void ApplyBody(const ApplyContext& context, const NodeRemoved& event);
// apply_jobs.cc
void ApplyBody(const ApplyContext& context, const JobSubmitted& event);
void ApplyBody(const ApplyContext& context, const JobStatusChanged& event);
// apply_attempts.cc
void ApplyBody(const ApplyContext& context, const AttemptCreated& event);
void ApplyBody(const ApplyContext& context, const AttemptPhaseChanged& event);
void ApplyBody(const ApplyContext& context, const AttemptNodePhaseChanged& event);
void ApplyBody(const ApplyContext& context, const RankStarted& event);
void ApplyBody(const ApplyContext& context, const RankEnded& event);
void ApplyBody(const ApplyContext& context, const AttemptLogTailNoted& event);
void ApplyBody(const ApplyContext& context, const AttemptCauseChanged& event);

// The entity that an event names must be there: anything else is a broken invariant.
Job& MustFind(State& state, const JobId& id);
Attempt& MustFind(State& state, const AttemptId& id);
Node& MustFind(State& state, const NodeId& id);
Pool& MustFind(State& state, const PoolKey& key);

// Keeps the answers' bound (derived.cc).
void TrimAnswers(State& state);

}  // namespace muster::scheduler
