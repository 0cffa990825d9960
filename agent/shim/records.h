// What a shim knows of its attempt, as JSON: the lines of control.sock (one object a line) and the
// records in run/. A rank's record is written by the job's account: a reader bounds and checks it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/shim/lease.h"
#include "base/result.h"

namespace muster::agent {

// One rank of this node. Times in microseconds since 1970 UTC.
struct RankRecord {
  std::uint32_t rank = 0;
  std::int32_t pid = 0;  // in the shim's PID namespace
  std::int64_t started_us = 0;
  std::int64_t ended_us = 0;  // 0: still running
  std::optional<std::int32_t> exit_code;
  std::optional<std::int32_t> signal;
  std::string launch_error;  // why the process could not be started
  bool collateral = false;   // ended by us or the launcher, not by itself

  bool failed() const { return signal.has_value() || exit_code.value_or(0) != 0; }
  friend bool operator==(const RankRecord&, const RankRecord&) = default;
};

// An orted that was started on request.
struct DaemonRecord {
  std::uint64_t id = 0;
  std::vector<std::string> words;
  std::optional<std::int32_t> exit_code;

  friend bool operator==(const DaemonRecord&, const DaemonRecord&) = default;
};

enum class ShimFailure : std::uint8_t { kLaunchFailed, kLauncherFailed, kLeaseExpired };

// run/exit.json: how the attempt ended on this node.
struct ExitRecord {
  std::vector<RankRecord> ranks;
  std::vector<DaemonRecord> daemons;
  std::optional<ShimFailure> failure;
  std::string failure_message;
};

constexpr char kExitFileName[] = "exit.json";
constexpr char kExitsDirectory[] = "exits";
constexpr std::size_t kExitFileMaxBytes = 16U << 20;
constexpr std::size_t kRankRecordMaxBytes = 16U << 10;

std::string ToJson(const RankRecord& record);
Result<RankRecord> ParseRankRecord(const std::string& text);
std::string ToJson(const ExitRecord& record);
Result<ExitRecord> ParseExitRecord(const std::string& text);

// --- control.sock: shim to agent
// ------------------------------------------------------------------

struct ShimEvent {
  enum class Kind : std::uint8_t {
    kSupervisor,  // `pid` of the shim, in the agent's PID namespace; only on the first connection
    kRunning,     // the shim is up
    kRank,
    kDaemon,
    kLevelEnd,  // everything before this was the level at the time of the connection
    kExited,    // all processes are gone, exit.json is written
  };
  Kind kind = Kind::kRunning;
  std::int32_t pid = 0;
  RankRecord rank;
  DaemonRecord daemon;
  ExitRecord exit;
};
std::string ToLine(const ShimEvent& event);  // with its newline
Result<ShimEvent> ParseShimEvent(const std::string& line);

// --- control.sock: agent to shim
// ------------------------------------------------------------------

struct ShimCommand {
  enum class Kind : std::uint8_t { kTerminate, kKill, kStartDaemon, kLease };
  Kind kind = Kind::kKill;
  std::int64_t grace_us = 0;
  DaemonRecord daemon;
  ShimLease lease;  // in the place of the one before; may be shorter
};
std::string ToLine(const ShimCommand& command);
Result<ShimCommand> ParseShimCommand(const std::string& line);

// --- rsh.sock: muster-rsh and agent
// ---------------------------------------------------------------

struct RshRequest {
  std::uint64_t id = 0;
  std::string node;
  std::vector<std::string> words;
};
std::string ToLine(const RshRequest& request);
Result<RshRequest> ParseRshRequest(const std::string& line);
std::string RshAnswerLine(std::int32_t exit_code);
Result<std::int32_t> ParseRshAnswer(const std::string& line);

}  // namespace muster::agent
