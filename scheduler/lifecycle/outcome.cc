#include "scheduler/lifecycle/outcome.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace muster::scheduler {

namespace {

std::string_view SignalName(std::int32_t signal) {
  switch (signal) {
    case 1:
      return " (SIGHUP)";
    case 2:
      return " (SIGINT)";
    case 3:
      return " (SIGQUIT)";
    case 4:
      return " (SIGILL)";
    case 6:
      return " (SIGABRT)";
    case 7:
      return " (SIGBUS)";
    case 8:
      return " (SIGFPE)";
    case 9:
      return " (SIGKILL)";
    case 11:
      return " (SIGSEGV)";
    case 13:
      return " (SIGPIPE)";
    case 15:
      return " (SIGTERM)";
    default:
      return "";
  }
}

Cause CauseOfRank(const NodeId& node, const RankState& rank) {
  Cause cause;
  cause.rank = rank.rank;
  cause.node = node;
  cause.exit_code = rank.exit_code;
  cause.signal = rank.signal;
  const std::string who = "Rank " + std::to_string(rank.rank) + " on node " + node.str();
  if (rank.signal) {
    cause.code = CauseCode::kScriptSignaled;
    cause.message = who + " was ended by signal " + std::to_string(*rank.signal) +
                    std::string(SignalName(*rank.signal)) + ".";
  } else {
    cause.code = CauseCode::kScriptExited;
    cause.message = who + " exited with code " + std::to_string(rank.exit_code.value_or(0)) + ".";
  }
  return cause;
}

// Nothing else is a node's to say.
CauseCode AllowedCode(CauseCode code) {
  switch (code) {
    case CauseCode::kLaunchFailed:
    case CauseCode::kStagingFailed:
    case CauseCode::kShimLost:
    case CauseCode::kLeaseExpired:
    case CauseCode::kNodeDiskFull:
    case CauseCode::kLauncherFailed:
    case CauseCode::kScriptFailed:
      return code;
    case CauseCode::kUnspecified:
    case CauseCode::kScriptExited:
    case CauseCode::kScriptSignaled:
    case CauseCode::kNodeLost:
    case CauseCode::kCanceledByUser:
    case CauseCode::kMaxRunDuration:
    case CauseCode::kInfeasible:
    case CauseCode::kOperator:
      return CauseCode::kLauncherFailed;
  }
  return CauseCode::kLauncherFailed;
}

const RankState* FirstFailedRank(const std::vector<RankState>& ranks) {
  const RankState* first = nullptr;
  for (const RankState& rank : ranks) {
    if (!rank.ended || !rank.Failed()) continue;
    const bool is_earlier = first == nullptr || std::pair(*rank.ended, rank.rank) <
                                                    std::pair(*first->ended, first->rank);
    if (is_earlier) first = &rank;
  }
  return first;
}

bool IsLoss(CauseCode code) {
  return code == CauseCode::kNodeLost || code == CauseCode::kLeaseExpired ||
         code == CauseCode::kShimLost;
}

bool IsScriptsEnd(CauseCode code) {
  return code == CauseCode::kScriptExited || code == CauseCode::kScriptSignaled;
}

// The signals by which a launcher ends the ranks that are left.
bool MayBeCollateral(const Cause& cause) { return cause.signal == 9 || cause.signal == 15; }

// When the rank ended that a cause names, by the clock of its node.
TimePoint EndOf(const Cause& cause, const Attempt& attempt) {
  const auto rank = cause.rank ? attempt.ranks.find(*cause.rank) : attempt.ranks.end();
  const bool is_known = rank != attempt.ranks.end() && rank->second.ended;
  return is_known ? *rank->second.ended : TimePoint::max();
}

}  // namespace

std::optional<Cause> FailureIn(const NodeId& node, const ObservedAttempt& observed) {
  const RankState* rank = FirstFailedRank(observed.ranks);
  const bool rank_explains = !observed.failure ||
                             observed.failure->code == CauseCode::kLauncherFailed ||
                             observed.failure->code == CauseCode::kScriptFailed;
  if (rank != nullptr && rank_explains) return CauseOfRank(node, *rank);
  if (!observed.failure) return std::nullopt;
  Cause cause = *observed.failure;
  cause.code = AllowedCode(cause.code);
  cause.node = node;
  return cause;
}

std::optional<Cause> UncleanEnd(const JobRequirements& requirements, const Attempt& attempt) {
  const std::uint32_t per_node = requirements.processes_per_node;
  const std::uint32_t world = requirements.node_count * per_node;
  for (std::uint32_t number = 0; number < world; ++number) {
    const NodeId& node = attempt.nodes[number / per_node].node;
    const auto rank = attempt.ranks.find(number);
    if (rank == attempt.ranks.end() || !rank->second.ended) {
      const bool was_started = rank != attempt.ranks.end();
      Cause cause = CauseOf(
          CauseCode::kLauncherFailed,
          "Rank " + std::to_string(number) +
              (was_started ? " left no record of its end." : " was never started by the launcher."),
          node);
      cause.rank = number;
      return cause;
    }
    if (rank->second.Failed()) return CauseOfRank(attempt.rank_nodes.at(number), rank->second);
  }
  return std::nullopt;
}

bool Explains(const Cause& later, const Attempt& attempt) {
  if (!attempt.cause || later.node == attempt.cause->node) return false;
  const Cause& first = *attempt.cause;
  if (IsLoss(later.code)) {
    return MayBeCollateral(first) || first.code == CauseCode::kLauncherFailed;
  }
  return IsScriptsEnd(later.code) && MayBeCollateral(first) &&
         EndOf(later, attempt) < EndOf(first, attempt);
}

bool MayRetry(const Job& job, const Cause& cause) {
  const bool is_node_loss =
      cause.code == CauseCode::kNodeLost || cause.code == CauseCode::kLeaseExpired;
  return is_node_loss && job.node_losses <= job.requirements.node_loss_retries;
}

Cause CauseOf(CauseCode code, std::string message, NodeId node) {
  Cause cause;
  cause.code = code;
  cause.message = std::move(message);
  cause.node = std::move(node);
  return cause;
}

}  // namespace muster::scheduler
