#include "tests/sim/messages.h"

#include <sstream>

namespace muster::sim {

namespace {

agent::DesiredPhase ToAgent(scheduler::DesiredPhase phase) {
  switch (phase) {
    case scheduler::DesiredPhase::kPrepare:
      return agent::DesiredPhase::kPrepare;
    case scheduler::DesiredPhase::kRun:
      return agent::DesiredPhase::kRun;
    case scheduler::DesiredPhase::kTerminate:
      return agent::DesiredPhase::kTerminate;
    case scheduler::DesiredPhase::kKill:
      return agent::DesiredPhase::kKill;
  }
  return agent::DesiredPhase::kKill;
}

scheduler::ObservedPhase ToScheduler(agent::ObservedPhase phase) {
  switch (phase) {
    case agent::ObservedPhase::kPreparing:
      return scheduler::ObservedPhase::kPreparing;
    case agent::ObservedPhase::kReady:
      return scheduler::ObservedPhase::kReady;
    case agent::ObservedPhase::kRunning:
      return scheduler::ObservedPhase::kRunning;
    case agent::ObservedPhase::kExited:
      return scheduler::ObservedPhase::kExited;
    case agent::ObservedPhase::kFinished:
      return scheduler::ObservedPhase::kFinished;
  }
  return scheduler::ObservedPhase::kFinished;
}

scheduler::CauseCode ToScheduler(agent::FailureCode code) {
  switch (code) {
    case agent::FailureCode::kLaunchFailed:
      return scheduler::CauseCode::kLaunchFailed;
    case agent::FailureCode::kStagingFailed:
      return scheduler::CauseCode::kStagingFailed;
    case agent::FailureCode::kShimLost:
      return scheduler::CauseCode::kShimLost;
    case agent::FailureCode::kLeaseExpired:
      return scheduler::CauseCode::kLeaseExpired;
    case agent::FailureCode::kNodeDiskFull:
      return scheduler::CauseCode::kNodeDiskFull;
    case agent::FailureCode::kLauncherFailed:
      return scheduler::CauseCode::kLauncherFailed;
    case agent::FailureCode::kScriptFailed:
      return scheduler::CauseCode::kScriptFailed;
  }
  return scheduler::CauseCode::kUnspecified;
}

scheduler::ObservedAttempt ToScheduler(const agent::ObservedAttempt& from, const NodeId& node) {
  scheduler::ObservedAttempt to;
  to.id = from.id;
  to.phase = ToScheduler(from.phase);
  for (const agent::Rank& rank : from.ranks) {
    to.ranks.push_back(
        scheduler::RankState{rank.rank, rank.started, rank.ended, rank.exit_code, rank.signal});
  }
  if (from.failure) {
    scheduler::Cause cause;
    cause.code = ToScheduler(from.failure->code);
    cause.message = from.failure->message;
    cause.node = node;
    to.failure = cause;
  }
  for (const agent::DaemonRequest& request : from.daemon_requests) {
    to.daemon_requests.push_back({request.id, request.node, request.arguments});
  }
  for (const agent::DaemonExit& exit : from.daemon_exits) {
    to.daemon_exits.push_back({exit.id, exit.exit_code});
  }
  to.last_log_lines = from.last_log_lines;
  return to;
}

agent::DesiredAttempt ToAgent(const scheduler::DesiredAttempt& from) {
  agent::DesiredAttempt to;
  to.id = from.id;
  to.phase = ToAgent(from.phase);
  if (from.task != nullptr) {
    TaskText task{*from.task->spec, from.node_rank, {}};
    for (const scheduler::GangNode& member : from.task->gang) task.gang.push_back(member.node);
    to.task = std::make_shared<const std::string>(Encode(task));
  }
  to.grace_period = from.grace_period;
  to.lease = from.lease;
  for (const scheduler::DaemonRequest& request : from.daemons) {
    to.daemons.push_back({request.id, request.node, request.arguments});
  }
  for (const scheduler::DaemonExit& exit : from.daemon_exits) {
    to.daemon_exits.push_back({exit.id, exit.exit_code});
  }
  return to;
}

}  // namespace

std::string Encode(const TaskText& task) {
  std::string text = task.key + " " + std::to_string(task.node_rank);
  for (const NodeId& node : task.gang) text += " " + node.str();
  return text;
}

TaskText DecodeTask(const std::string& text) {
  std::istringstream words(text);
  TaskText task;
  words >> task.key >> task.node_rank;
  for (std::string word; words >> word;) task.gang.emplace_back(word);
  return task;
}

agent::Desired ToAgent(const scheduler::SendDesired& desired) {
  agent::Desired level{desired.epoch, desired.version, {}};
  for (const scheduler::DesiredAttempt& attempt : desired.attempts) {
    level.attempts.push_back(ToAgent(attempt));
  }
  return level;
}

scheduler::ReceiveReport ToScheduler(const agent::Report& report, const NodeId& node,
                                     std::uint64_t session) {
  scheduler::ReceiveReport command;
  command.node = node;
  command.session = session;
  command.sequence = report.sequence;
  for (const agent::ObservedAttempt& attempt : report.attempts) {
    command.attempts.push_back(ToScheduler(attempt, node));
  }
  command.free_disk_bytes = report.free_disk_bytes;
  command.disk_low = report.disk_low;
  return command;
}

}  // namespace muster::sim
