// The agent's core: desired x observed -> actions. Pure but for the state it owns: no threads, clocks,
// files, sockets. The agent's loop and the simulator drive the same object.
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
  std::shared_ptr<const std::string> task;  // serialised muster.v1.AttemptTask; opaque here; may be null
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
};
struct Report {
  std::uint64_t sequence = 0;
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
  Duration lease{};  // a lease that was being kept starts anew at the agent's start
  std::vector<DaemonRequest> daemons_started;
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
// Ship the rest of the logs; ends in OnShipped (also when given up).
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

struct AgentCoreConfig {
  // A report that is not acknowledged is sent again after this time.
  Duration report_resend = std::chrono::seconds(2);
  // Grace period when the agent itself ends an attempt (lease).
  Duration own_stop_grace = std::chrono::seconds(0);
};

class AgentCore {
 public:
  // `seen_epoch`, `seen_version`: the newest Desired the ledger knows of.
  AgentCore(const AgentCoreConfig& config, std::vector<RecoveredAttempt> recovered,
            std::uint64_t seen_epoch, Now now);
  ~AgentCore();
  AgentCore(const AgentCore&) = delete;
  AgentCore& operator=(const AgentCore&) = delete;

  using Actions = std::vector<Action>;

  // --- from the server ---
  Actions OnSessionOpened(Now now);
  Actions OnSessionClosed(Now now);
  Actions OnDesired(const Desired& desired, Now now);
  Actions OnReportAck(std::uint64_t sequence, Now now);
  // Renews every lease to sent + its length; `sent` is the steady time of the heartbeat.
  Actions OnHeartbeatAck(SteadyPoint sent, Now now);
  Actions OnGoodbye(Duration lease_extension, Now now);

  // --- from this node ---
  Actions OnPrepared(const AttemptId& id, const std::optional<Failure>& failure, Now now);
  Actions OnRunning(const AttemptId& id, Now now);
  Actions OnRank(const AttemptId& id, const Rank& rank, Now now);  // started or ended
  Actions OnExited(const AttemptId& id, const std::optional<Failure>& failure,
                   const std::string& last_log_lines, Now now);
  Actions OnShipped(const AttemptId& id, Now now);
  Actions OnDaemonRequested(const AttemptId& id, const DaemonRequest& request, Now now);
  Actions OnDaemonEnded(const AttemptId& id, const DaemonExit& exit, Now now);
  Actions OnDisk(std::uint64_t free_bytes, bool low, Now now);

  Actions OnTimer(Now now);
  std::optional<SteadyPoint> NextTimer() const;

  // For tests and the simulator's invariants.
  std::vector<ObservedAttempt> Observed() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace muster::agent
