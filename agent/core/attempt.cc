#include "agent/core/attempt.h"

#include "base/time.h"

namespace muster::agent {

namespace {

ObservedPhase PhaseOf(const Attempt& attempt) {
  switch (attempt.stage) {
    case Stage::kIdle:
    case Stage::kStaging:
      return ObservedPhase::kPreparing;
    case Stage::kStaged:
      return ObservedPhase::kReady;
    case Stage::kLaunching:
      // A node that goes straight on has nobody to tell that it was ready.
      return attempt.reported_ready ? ObservedPhase::kReady : ObservedPhase::kPreparing;
    case Stage::kRunning:
      return ObservedPhase::kRunning;
    case Stage::kExited:
    case Stage::kShipping:
      return ObservedPhase::kExited;
    case Stage::kFinished:
      return ObservedPhase::kFinished;
  }
  return ObservedPhase::kPreparing;
}

Stage StageOf(ObservedPhase phase) {
  switch (phase) {
    case ObservedPhase::kPreparing:
      return Stage::kIdle;
    case ObservedPhase::kReady:
      return Stage::kStaged;
    case ObservedPhase::kRunning:
      return Stage::kRunning;
    case ObservedPhase::kExited:
      return Stage::kExited;
    case ObservedPhase::kFinished:
      return Stage::kFinished;
  }
  return Stage::kIdle;
}

void ExpireLease(Attempt& attempt, const AgentCoreConfig& config, Now now) {
  const auto deadline = LeaseDeadline(attempt, config);
  if (!deadline || now.steady < *deadline) return;
  attempt.lease_expired = true;
  if (!attempt.stopping && !attempt.failure) {
    attempt.failure =
        Failure{FailureCode::kLeaseExpired, LeaseExpiredMessage(attempt.desired.lease)};
  }
}

// How the attempt is to be stopped now; kNone: it is not.
StopSent WantedStop(const Attempt& attempt, const AgentCoreConfig& config) {
  if (attempt.wanted == Wanted::kAbsent) return StopSent::kKill;
  if (attempt.wanted == Wanted::kInLevel && attempt.desired.phase == DesiredPhase::kKill) {
    return StopSent::kKill;
  }
  if (attempt.lease_expired) {
    return config.own_stop_grace > Duration::zero() ? StopSent::kTerminate : StopSent::kKill;
  }
  if (attempt.wanted == Wanted::kInLevel && attempt.desired.phase == DesiredPhase::kTerminate) {
    return StopSent::kTerminate;
  }
  return StopSent::kNone;
}

void Stop(Attempt& attempt, StopSent wanted, const AgentCoreConfig& config,
          std::vector<Action>& actions) {
  if (wanted <= attempt.stop_sent) return;
  attempt.stop_sent = wanted;
  if (wanted == StopSent::kKill) {
    actions.push_back(Kill{attempt.id});
  } else {
    actions.push_back(Terminate{
        attempt.id, attempt.lease_expired ? config.own_stop_grace : attempt.desired.grace_period});
  }
}

void StartDaemons(Attempt& attempt, std::vector<Action>& actions) {
  for (const DaemonRequest& request : attempt.desired.daemons) {
    if (!attempt.daemons_started.insert(request.id).second) continue;
    actions.push_back(StartDaemon{attempt.id, request});
  }
}

// No daemon outlives its attempt: the head must not wait for the end of one that died with it.
void EndDaemons(Attempt& attempt) {
  for (const std::uint64_t id : attempt.daemons_started) {
    attempt.daemon_exits.try_emplace(id, DaemonExit{id, kNoAttempt});
  }
  for (const DaemonRequest& request : attempt.desired.daemons) {
    attempt.daemon_exits.try_emplace(request.id, DaemonExit{request.id, kNoAttempt});
  }
}

bool LeaseAllowsLaunch(const Attempt& attempt, Now now) {
  return !attempt.HasLease() || (attempt.lease_until && now.steady < *attempt.lease_until);
}

// kIdle and kStaged: towards the start, or to the end if it is not to start any more.
void AdvanceUnlaunched(Attempt& attempt, Now now, std::vector<Action>& actions) {
  if (attempt.stopping) {
    attempt.stage = attempt.on_disk ? Stage::kExited : Stage::kFinished;
    return;
  }
  // A level may be told before the tasks in it have all come: they follow.
  if (attempt.wanted != Wanted::kInLevel || attempt.task == nullptr) return;
  if (attempt.stage == Stage::kIdle) {
    attempt.stage = Stage::kStaging;
    attempt.on_disk = true;
    actions.push_back(Prepare{attempt.id, attempt.task, attempt.desired.lease});
  } else if (attempt.desired.phase == DesiredPhase::kRun && LeaseAllowsLaunch(attempt, now)) {
    attempt.stage = Stage::kLaunching;
    actions.push_back(Launch{attempt.id});
  }
}

}  // namespace

std::string LeaseExpiredMessage(Duration lease) {
  return "This node could not renew the attempt's lease of " + FormatDuration(lease) + ".";
}

bool Attempt::Removable() const {
  return wanted == Wanted::kAbsent && (stage == Stage::kExited || stage == Stage::kFinished);
}

Attempt FromRecovered(const RecoveredAttempt& recovered, Now now) {
  Attempt attempt;
  attempt.id = recovered.id;
  attempt.stage = StageOf(recovered.phase);
  attempt.desired.id = recovered.id;
  attempt.desired.lease = recovered.lease;
  attempt.task = recovered.task;
  attempt.on_disk = true;
  attempt.reported_ready = recovered.phase == ObservedPhase::kReady;
  for (const Rank& rank : recovered.ranks) attempt.ranks[rank.rank] = rank;
  attempt.failure = recovered.failure;
  for (const DaemonRequest& request : recovered.daemons_started) {
    attempt.daemons_started.insert(request.id);
  }
  for (const DaemonExit& exit : recovered.daemon_exits) attempt.daemon_exits[exit.id] = exit;
  if (attempt.HasLease() && attempt.MayHaveProcesses()) {
    attempt.lease_until = recovered.lease_until.value_or(now.steady + recovered.lease);
  }
  return attempt;
}

ObservedAttempt Observe(const Attempt& attempt) {
  ObservedAttempt observed;
  observed.id = attempt.id;
  observed.phase = PhaseOf(attempt);
  for (const auto& [number, rank] : attempt.ranks) observed.ranks.push_back(rank);
  observed.failure = attempt.failure;
  for (const auto& [id, request] : attempt.open_requests) {
    observed.daemon_requests.push_back(request);
  }
  for (const auto& [id, exit] : attempt.daemon_exits) observed.daemon_exits.push_back(exit);
  observed.last_log_lines = attempt.last_log_lines;
  return observed;
}

std::optional<SteadyPoint> LeaseDeadline(const Attempt& attempt, const AgentCoreConfig& config) {
  if (!attempt.HasLease() || attempt.lease_expired || !attempt.lease_until) return std::nullopt;
  if (attempt.stage > Stage::kRunning) return std::nullopt;
  return *attempt.lease_until - config.own_stop_grace;
}

void Advance(Attempt& attempt, const AgentCoreConfig& config, Now now,
             std::vector<Action>& actions) {
  ExpireLease(attempt, config, now);
  const StopSent stop = WantedStop(attempt, config);
  if (stop != StopSent::kNone) attempt.stopping = true;

  if (attempt.stage == Stage::kIdle || attempt.stage == Stage::kStaged) {
    AdvanceUnlaunched(attempt, now, actions);
  }
  if (attempt.MayHaveProcesses()) {
    Stop(attempt, stop, config, actions);
    if (attempt.stage == Stage::kRunning && !attempt.stopping) StartDaemons(attempt, actions);
  }
  if (attempt.stage >= Stage::kExited) EndDaemons(attempt);
  // What the server has given up is not worth its logs: it would refuse them.
  if (attempt.stage == Stage::kExited && attempt.wanted != Wanted::kAbsent) {
    attempt.stage = Stage::kShipping;
    actions.push_back(ShipRest{attempt.id});
  }
}

}  // namespace muster::agent
