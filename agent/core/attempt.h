// One attempt on this node, and the single function that moves it towards what is desired of it.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <vector>

#include "agent/core/agent_core.h"

namespace muster::agent {

// What muster-rsh ends with when its daemon's end is not known or never came to be, as ssh would.
inline constexpr std::int32_t kNoAttempt = 255;

// Where an attempt stands here. Finer than what is reported: it also says what was asked of the
// loop.
enum class Stage : std::uint8_t {
  kIdle,       // known from a level or the ledger; nothing under way
  kStaging,    // Prepare asked for
  kStaged,     // ready
  kLaunching,  // Launch asked for; the shim may be up
  kRunning,    // the shim is up
  kExited,     // no process is left
  kShipping,   // ShipRest asked for
  kFinished,
};

enum class StopSent : std::uint8_t { kNone, kTerminate, kKill };

// What the newest level says of an attempt.
enum class Wanted : std::uint8_t {
  kUnknown,  // recovered, and no level has come since
  kInLevel,
  kAbsent,
};

struct Attempt {
  AttemptId id;
  Stage stage = Stage::kIdle;
  Wanted wanted = Wanted::kUnknown;
  DesiredAttempt desired;  // the newest; meaningful once kInLevel
  std::shared_ptr<const std::string> task;

  bool on_disk = false;         // Prepare was asked for, now or before a restart
  bool reported_ready = false;  // waited for the others of its gang
  bool stopping = false;        // never taken back
  StopSent stop_sent = StopSent::kNone;

  // Renewed by acknowledged heartbeats. Absent while it has not begun: nothing may be launched
  // then.
  std::optional<SteadyPoint> lease_until;
  bool lease_expired = false;

  std::map<std::uint32_t, Rank> ranks;
  std::optional<Failure> failure;
  std::string last_log_lines;

  // As head: what mpirun waits for, and the answers that came. As another node: what was started,
  // what has ended.
  std::map<std::uint64_t, DaemonRequest> open_requests;
  std::map<std::uint64_t, DaemonExit> answers;
  std::set<std::uint64_t> daemons_started;
  std::map<std::uint64_t, DaemonExit> daemon_exits;

  bool HasLease() const { return desired.lease > Duration::zero(); }
  bool MayHaveProcesses() const { return stage == Stage::kLaunching || stage == Stage::kRunning; }
  // Nothing of it is left here but its name, and nobody wants that.
  bool Removable() const;
};

Attempt FromRecovered(const RecoveredAttempt& recovered, Now now);
ObservedAttempt Observe(const Attempt& attempt);

// When the lease makes the agent act: its end less the grace the agent gives. Nothing: no lease
// counts now.
std::optional<SteadyPoint> LeaseDeadline(const Attempt& attempt, const AgentCoreConfig& config);

// Asks for whatever brings the attempt nearer to what is desired. Idempotent: asks for nothing
// twice.
void Advance(Attempt& attempt, const AgentCoreConfig& config, Now now,
             std::vector<Action>& actions);

}  // namespace muster::agent
