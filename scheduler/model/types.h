// Enumerations and small values of the scheduler's model. Pure data.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/time.h"

namespace muster::scheduler {

// Azure ML's job statuses. The legal transitions stand in lifecycle/transitions.h.
enum class JobStatus : std::uint8_t {
  kNotStarted = 1,
  kStarting,
  kProvisioning,
  kPreparing,
  kQueued,
  kRunning,
  kFinalizing,
  kCancelRequested,
  kCompleted,
  kFailed,
  kCanceled,
  kNotResponding,
};

constexpr bool IsTerminal(JobStatus status) {
  return status == JobStatus::kCompleted || status == JobStatus::kFailed ||
         status == JobStatus::kCanceled;
}

enum class Communicator : std::uint8_t { kNone = 1, kMpi, kGloo, kNccl, kParameterServer };

// Mirrors muster.v1.CauseCode.
enum class CauseCode : std::uint8_t {
  kUnspecified,
  kScriptExited,
  kScriptSignaled,
  kLaunchFailed,
  kStagingFailed,
  kNodeLost,
  kShimLost,
  kCanceledByUser,
  kMaxRunDuration,
  kLeaseExpired,
  kNodeDiskFull,
  kLauncherFailed,
  kInfeasible,
  kOperator,
  kScriptFailed,
};

// Why a job or an attempt ended other than by itself.
struct Cause {
  CauseCode code = CauseCode::kUnspecified;
  std::string message;  // one sentence; names rank, node, signal where there is one
  std::optional<std::uint32_t> rank;
  NodeId node;  // empty: none is to blame
  std::optional<std::int32_t> exit_code;
  std::optional<std::int32_t> signal;

  friend bool operator==(const Cause&, const Cause&) = default;
};

// One rank as its node reports it. Times are of the node's wall clock.
struct RankState {
  std::uint32_t rank = 0;
  TimePoint started{};
  std::optional<TimePoint> ended;
  std::optional<std::int32_t> exit_code;  // exactly one of the two once ended
  std::optional<std::int32_t> signal;

  bool Failed() const { return signal.has_value() || exit_code.value_or(0) != 0; }
  friend bool operator==(const RankState&, const RankState&) = default;
};

enum class SharingMode : std::uint8_t { kExclusive = 1, kSlots };

// What the scheduler must know of a job; the rest of its spec is opaque bytes to it.
struct JobRequirements {
  PoolName pool;
  std::uint32_t node_count = 1;
  std::uint32_t processes_per_node = 1;
  Communicator communicator = Communicator::kNone;
  std::int32_t priority = 0;
  std::uint32_t node_loss_retries = 0;
  Duration lease{};  // zero unless the job may be retried
  Duration grace_period = std::chrono::seconds(10);
  Duration max_run_duration{};  // zero: no limit

  friend bool operator==(const JobRequirements&, const JobRequirements&) = default;
};

enum class AttemptPhase : std::uint8_t {
  kPreparing = 1,  // nodes are staging
  kLaunching,      // every node was ready; told to run
  kRunning,        // a rank has started
  kStopping,       // told to terminate or kill; waiting for the nodes
  kEnded,          // outcome decided; nodes may still be held until they report
};

// What one node of an attempt has reported last.
enum class NodePhase : std::uint8_t {
  kAssigned = 1,  // nothing reported yet
  kPreparing,
  kReady,
  kRunning,
  kExited,    // processes gone, logs being shipped
  kFinished,  // node is free of it
  kLost,      // given up; whatever runs there is to be stopped when it returns
};

enum class StopMode : std::uint8_t { kTerminate = 1, kKill };

// Facts an agent states at the start of a session.
struct NodeFacts {
  std::string host_name;
  std::string address;
  std::uint32_t slots = 0;
  std::string boot_id;
  std::string agent_version;

  friend bool operator==(const NodeFacts&, const NodeFacts&) = default;
};

enum class Role : std::uint8_t { kAdmin = 1, kUser, kViewer, kNode, kAttempt, kJoin };

}  // namespace muster::scheduler
