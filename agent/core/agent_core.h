// The agent's core: desired x observed -> actions. Pure but for the state it owns: no threads,
// clocks, files, sockets. The agent's loop and the simulator drive the same object. Every entry
// returns what it wants done, in order; entries about attempts it does not know are ignored.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "base/time.h"

namespace muster::agent {

enum class DesiredPhase : std::uint8_t { kPrepare = 1, kRun, kTerminate, kKill };
enum class ObservedPhase : std::uint8_t { kPreparing = 1, kReady, kRunning, kExited, kFinished };

// Mirrors muster.v1.CauseCode; only those an agent may report.
enum class FailureCode : std::uint8_t {
  kLaunchFailed = 3,
  kStagingFailed = 4,
  kShimLost = 6,
  kLeaseExpired = 9,
  kNodeDiskFull = 10,
  kLauncherFailed = 11,
  kScriptFailed = 14,
};
struct Failure {
  FailureCode code = FailureCode::kLaunchFailed;
  std::string message;  // one sentence
  friend bool operator==(const Failure&, const Failure&) = default;
};

struct DaemonRequest {
  std::uint64_t id = 0;
  NodeId node;
  std::vector<std::string> arguments;
  friend bool operator==(const DaemonRequest&, const DaemonRequest&) = default;
};
struct DaemonExit {
  std::uint64_t id = 0;
  std::int32_t exit_code = 0;
  friend bool operator==(const DaemonExit&, const DaemonExit&) = default;
};

struct DesiredAttempt {
  AttemptId id;
  DesiredPhase phase = DesiredPhase::kPrepare;
  std::shared_ptr<const std::string>
      task;  // serialised muster.v1.AttemptTask; opaque here; may be null
  Duration grace_period{};
  Duration lease{};  // zero: none
  std::vector<DaemonRequest> daemons;
  std::vector<DaemonExit> daemon_exits;
};
struct Desired {
  std::uint64_t epoch = 0;
  std::uint64_t version = 0;
  std::vector<DesiredAttempt> attempts;
};

struct Rank {
  std::uint32_t rank = 0;
  TimePoint started{};
  std::optional<TimePoint> ended;
  std::optional<std::int32_t> exit_code;
  std::optional<std::int32_t> signal;
  friend bool operator==(const Rank&, const Rank&) = default;
};

struct ObservedAttempt {
  AttemptId id;
  ObservedPhase phase = ObservedPhase::kPreparing;
  std::vector<Rank> ranks;
  std::optional<Failure> failure;
  std::vector<DaemonRequest> daemon_requests;  // open ones of this (head) node
  std::vector<DaemonExit> daemon_exits;        // of daemons this node ran
  std::string last_log_lines;
  friend bool operator==(const ObservedAttempt&, const ObservedAttempt&) = default;
};
struct Report {
  std::uint64_t sequence = 0;  // from 1, grows with every new level; a resend repeats it
  std::vector<ObservedAttempt> attempts;
  std::uint64_t free_disk_bytes = 0;
  bool disk_low = false;
};

// What the ledger and the shims' records said when the agent's process started.
struct RecoveredAttempt {
  AttemptId id;
  std::shared_ptr<const std::string> task;
  ObservedPhase phase = ObservedPhase::kPreparing;  // kPreparing: staging is done again
  std::vector<Rank> ranks;
  std::optional<Failure> failure;
  Duration lease{};
  // Until when the lease holds, as the last process noted it (AgentCore::Leases) on this boot's
  // steady clock. Absent: the lease starts anew at the agent's start, which is only as safe as
  // restarts are rare.
  std::optional<SteadyPoint> lease_until;
  std::vector<DaemonRequest> daemons_started;
  // Of those, the ones that have ended and whose end is known. The rest counts as ended with 255
  // once the attempt has exited.
  std::vector<DaemonExit> daemon_exits;
};

// --- what the core wants done; the loop does it in order ----------------------------------------

// Write the attempt to the ledger (durably), then stage. Ends in OnPrepared.
struct Prepare {
  AttemptId id;
  std::shared_ptr<const std::string> task;
  Duration lease{};
};
// Note it in the ledger (durably), start the shim. Ends in OnRunning or OnExited.
struct Launch {
  AttemptId id;
};
struct StartDaemon {
  AttemptId id;
  DaemonRequest request;
};
// Tell the waiting muster-rsh.
struct AnswerDaemon {
  AttemptId id;
  DaemonExit exit;
};
struct Terminate {
  AttemptId id;
  Duration grace_period{};  // the loop's shim kills by itself after it
};
struct Kill {
  AttemptId id;
};
// Ship the rest of what scripts logged and of the logs; ends in OnShipped (also when given up).
struct ShipRest {
  AttemptId id;
};
// The server no longer wants it and it has finished: remove directory and ledger entry.
struct Remove {
  AttemptId id;
};
struct SendReport {
  Report report;
};
using Action = std::variant<Prepare, Launch, StartDaemon, AnswerDaemon, Terminate, Kill, ShipRest,
                            Remove, SendReport>;

// Until when a launched attempt may live unless it is renewed.
struct LeaseState {
  AttemptId id;
  SteadyPoint until{};
  Duration length{};  // of each renewal; zero: not known
  friend bool operator==(const LeaseState&, const LeaseState&) = default;
};

// What a failure with kLeaseExpired says, whoever has ended the attempt.
std::string LeaseExpiredMessage(Duration lease);

struct AgentCoreConfig {
  // A report that is not acknowledged is sent again after this time.
  Duration report_resend = std::chrono::seconds(2);
  // Grace period when the agent itself ends an attempt (lease): it starts so long before the
  // expiry.
  Duration own_stop_grace = std::chrono::seconds(0);
};

// How an attempt moves, driven by the newest level (one line a situation):
//   desired kPrepare, absent here      Prepare; reported kPreparing, after OnPrepared kReady
//   desired kRun, absent here          Prepare, then Launch at once; kReady is not reported
//   desired kTerminate/kKill, unknown  reported kFinished without ranks: there is nothing to stop
//   desired kTerminate/kKill           staging: after OnPrepared; staged: at once; running:
//   Terminate/Kill OnExited                           ShipRest; reported kExited, after OnShipped
//   kFinished no longer in the level             Kill if alive; Remove once it has exited (shipped,
//   if that began)
// A stop is never taken back. A Desired older than the newest (epoch, version) is ignored. An
// attempt with a lease is launched only while the lease holds, and is killed (kLeaseExpired) when
// it runs out.

class AgentCore {
 public:
  // `seen_epoch`: the newest that the ledger knows of (see SeenEpoch). Recovered attempts are left
  // as they are until the first Desired, but for the shipping of what has exited.
  AgentCore(const AgentCoreConfig& config, const std::vector<RecoveredAttempt>& recovered,
            std::uint64_t seen_epoch, Now now);
  ~AgentCore();
  AgentCore(const AgentCore&) = delete;
  AgentCore& operator=(const AgentCore&) = delete;

  using Actions = std::vector<Action>;

  // --- from the server ---
  Actions OnSessionOpened(Now now);
  Actions OnSessionClosed(Now now);
  Actions OnDesired(const Desired& desired, Now now);
  // Only the acknowledgement of the newest report ends its resending.
  Actions OnReportAck(std::uint64_t sequence, Now now);
  // Renews every lease to sent + its length; `sent` is the steady time of the heartbeat. Ends the
  // extension of a Goodbye before `sent`.
  Actions OnHeartbeatAck(SteadyPoint sent, Now now);
  Actions OnGoodbye(Duration lease_extension, Now now);

  // --- from this node ---
  Actions OnPrepared(const AttemptId& id, const std::optional<Failure>& failure, Now now);
  Actions OnRunning(const AttemptId& id, Now now);
  Actions OnRank(const AttemptId& id, const Rank& rank, Now now);  // started or ended
  Actions OnExited(const AttemptId& id, const std::optional<Failure>& failure,
                   const std::string& last_log_lines, Now now);
  // The script has said, in one sentence, that its run has failed. Of an attempt that has exited,
  // and before OnShipped; the failure where there is no other.
  Actions OnScriptFailed(const AttemptId& id, const std::string& sentence, Now now);
  Actions OnShipped(const AttemptId& id, Now now);
  // Answered at once if the answer is known, or if the attempt does not run (exit code 255).
  Actions OnDaemonRequested(const AttemptId& id, const DaemonRequest& request, Now now);
  Actions OnDaemonEnded(const AttemptId& id, const DaemonExit& exit, Now now);
  // `low`: new attempts are refused with kNodeDiskFull. The free bytes travel with the next report.
  Actions OnDisk(std::uint64_t free_bytes, bool low, Now now);

  Actions OnTimer(Now now);
  std::optional<SteadyPoint> NextTimer() const;

  // The level as it would be reported now.
  std::vector<ObservedAttempt> Observed() const;
  // Of launched attempts, to be noted where it survives this process (no fsync needed: a reboot
  // ends the attempts anyway) and told to whoever must end them while no agent runs.
  std::vector<LeaseState> Leases() const;
  std::uint64_t SeenEpoch() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace muster::agent
