#include "server/rpc/agent_conversion.h"

#include <iterator>
#include <string>
#include <utility>

#include "base/log.h"
#include "server/rpc/job_conversion.h"
#include "server/rpc/spec_resolution.h"

namespace muster::server {
namespace {

namespace v1 = muster::v1;

constexpr std::size_t kMaxAttempts = 4'096;
constexpr int kMaxRanks = 1'024;
constexpr int kMaxDaemons = 10'000;
constexpr int kMaxDaemonArguments = 256;
constexpr std::size_t kMaxDaemonBytes = std::size_t{64} << 10;
constexpr std::size_t kMaxLogTail = std::size_t{4} << 10;
// A task has a specification of at most 2 MiB; agents take messages of 16 MiB.
constexpr std::size_t kMaxTaskBytes = std::size_t{8} << 20;
constexpr std::size_t kMaxMessage = std::size_t{4} << 10;

tl::unexpected<Error> BadReport(std::string message) {
  return Fail(ErrorCode::kInvalidArgument, ErrorReason::kTooLarge,
              "report refused: " + std::move(message));
}

scheduler::RankState RankFromProto(const v1::ObservedRank& rank) {
  scheduler::RankState out;
  out.rank = rank.rank();
  out.started = FromMicros(rank.started_us());
  if (rank.ended_us() == 0) return out;
  out.ended = FromMicros(rank.ended_us());
  if (rank.has_signal()) {
    out.signal = rank.signal();
  } else {
    out.exit_code = rank.exit_code();
  }
  return out;
}

Result<scheduler::DaemonRequest> DaemonFromProto(const v1::DaemonRequest& request) {
  std::size_t bytes = 0;
  for (const std::string& argument : request.arguments()) bytes += argument.size();
  if (request.arguments_size() > kMaxDaemonArguments || bytes > kMaxDaemonBytes) {
    return BadReport("a daemon request has at most 256 words and 64 KiB");
  }
  return scheduler::DaemonRequest{
      request.id(), NodeId(request.node_id()),
      std::vector<std::string>(request.arguments().begin(), request.arguments().end())};
}

Result<scheduler::ObservedAttempt> AttemptFromProto(const v1::ObservedAttempt& observed) {
  const std::string name = observed.job_id() + "/" + std::to_string(observed.attempt());
  if (observed.phase() == v1::OBSERVED_PHASE_UNSPECIFIED ||
      !v1::ObservedPhase_IsValid(observed.phase())) {
    return BadReport("attempt " + name + " has no known phase");
  }
  if (observed.ranks_size() > kMaxRanks || observed.daemon_requests_size() > kMaxDaemons ||
      observed.daemon_exits_size() > kMaxDaemons ||
      observed.last_log_lines().size() > kMaxLogTail ||
      observed.failure().message().size() > kMaxMessage) {
    return BadReport("attempt " + name + " is over a limit of the protocol");
  }
  scheduler::ObservedAttempt out;
  out.id = AttemptId{JobId(observed.job_id()), observed.attempt()};
  out.phase = static_cast<scheduler::ObservedPhase>(observed.phase());
  for (const v1::ObservedRank& rank : observed.ranks()) out.ranks.push_back(RankFromProto(rank));
  if (observed.has_failure()) out.failure = FromProto(observed.failure());
  for (const v1::DaemonRequest& request : observed.daemon_requests()) {
    MUSTER_ASSIGN(scheduler::DaemonRequest daemon, DaemonFromProto(request));
    out.daemon_requests.push_back(std::move(daemon));
  }
  for (const v1::DaemonExit& exit : observed.daemon_exits()) {
    out.daemon_exits.push_back(scheduler::DaemonExit{exit.id(), exit.exit_code()});
  }
  out.last_log_lines = observed.last_log_lines();
  return out;
}

// `rest` goes on with an attempt that did not fit into one part of a report.
Status Join(scheduler::ObservedAttempt& attempt, scheduler::ObservedAttempt rest) {
  const auto add = [](auto& all, auto& more) {
    all.insert(all.end(), std::make_move_iterator(more.begin()),
               std::make_move_iterator(more.end()));
  };
  add(attempt.ranks, rest.ranks);
  add(attempt.daemon_requests, rest.daemon_requests);
  add(attempt.daemon_exits, rest.daemon_exits);
  if (attempt.ranks.size() > kMaxRanks || attempt.daemon_requests.size() > kMaxDaemons ||
      attempt.daemon_exits.size() > kMaxDaemons) {
    return BadReport("attempt " + ToString(attempt.id) + " is over a limit of the protocol");
  }
  return {};
}

void TaskToProto(const scheduler::AttemptTask& task, std::uint32_t node_rank,
                 v1::AttemptTask& out) {
  out.set_workspace(task.workspace.str());
  if (!out.mutable_spec()->ParseFromString(*task.spec)) {
    Log(LogLevel::kError, "stored_spec_unreadable", {{"workspace", task.workspace.str()}});
  }
  for (const scheduler::GangNode& node : task.gang) {
    v1::GangNode& gang_node = *out.add_gang();
    gang_node.set_node_id(node.node.str());
    gang_node.set_address(node.address);
    gang_node.set_host_name(node.host_name);
  }
  out.set_node_rank(node_rank);
  out.set_master_port(task.master_port);
  for (const v1::DataReference& reference : out.spec().data_references()) {
    const DatastoreName wanted = FoldDatastoreName(reference.datastore());
    for (const scheduler::ResolvedDatastore& datastore : task.datastores) {
      if (datastore.name != wanted) continue;
      v1::ResolvedData& data = *out.add_data();
      data.set_name(reference.name());
      data.set_local_path(LocalPathOf(datastore.local_path, reference));
      data.set_mode(reference.mode());
      data.set_path_on_compute(reference.path_on_compute());
      break;
    }
  }
}

// What is left of one message for tasks. Any task fits an untouched one.
class TaskRoom {
 public:
  bool Take(std::size_t bytes) {
    if (used_ > 0 && used_ + bytes > kMaxTaskBytes) return false;
    used_ += bytes;
    return true;
  }

 private:
  std::size_t used_ = 0;
};

// False: the task did not fit.
bool AddTask(const scheduler::DesiredAttempt& attempt, SentTasks& sent, TaskRoom& room,
             v1::DesiredAttempt& out) {
  if (attempt.task == nullptr || sent.contains(attempt.id)) return true;
  TaskToProto(*attempt.task, attempt.node_rank, *out.mutable_task());
  if (!room.Take(out.task().ByteSizeLong())) {
    out.clear_task();
    return false;
  }
  sent.insert(attempt.id);
  return true;
}

void AttemptToProto(const scheduler::DesiredAttempt& attempt, v1::DesiredAttempt& out) {
  using std::chrono::duration_cast;
  using std::chrono::milliseconds;
  out.set_job_id(attempt.id.job.str());
  out.set_attempt(attempt.id.number);
  out.set_phase(static_cast<v1::DesiredPhase>(attempt.phase));
  out.set_grace_period_ms(duration_cast<milliseconds>(attempt.grace_period).count());
  out.set_lease_ms(duration_cast<milliseconds>(attempt.lease).count());
  for (const scheduler::DaemonRequest& daemon : attempt.daemons) {
    v1::DaemonRequest& request = *out.add_daemons();
    request.set_id(daemon.id);
    request.set_node_id(daemon.node.str());
    for (const std::string& argument : daemon.arguments) request.add_arguments(argument);
  }
  for (const scheduler::DaemonExit& exit : attempt.daemon_exits) {
    v1::DaemonExit& daemon_exit = *out.add_daemon_exits();
    daemon_exit.set_id(exit.id);
    daemon_exit.set_exit_code(exit.exit_code);
  }
}

}  // namespace

std::size_t MaxAttemptEntries(const v1::Report& part) { return kMaxAttempts + part.part(); }

Result<scheduler::ReceiveReport> ReportFromProto(const NodeId& node, std::uint64_t session,
                                                 const v1::Report& report) {
  if (static_cast<std::size_t>(report.attempts_size()) > MaxAttemptEntries(report)) {
    return BadReport(std::to_string(report.attempts_size()) +
                     " attempts, at most 4,096 are allowed");
  }
  scheduler::ReceiveReport out;
  out.node = node;
  out.session = session;
  out.sequence = report.sequence();
  out.free_disk_bytes = report.free_disk_bytes();
  out.disk_low = report.disk_low();
  for (const v1::ObservedAttempt& observed : report.attempts()) {
    MUSTER_ASSIGN(scheduler::ObservedAttempt attempt, AttemptFromProto(observed));
    if (!out.attempts.empty() && out.attempts.back().id == attempt.id) {
      MUSTER_TRY(Join(out.attempts.back(), std::move(attempt)));
    } else {
      out.attempts.push_back(std::move(attempt));
    }
  }
  return out;
}

bool DesiredToProto(const scheduler::SendDesired& desired, SentTasks& sent, v1::Desired& out) {
  SentTasks in_level;
  for (const scheduler::DesiredAttempt& attempt : desired.attempts) in_level.insert(attempt.id);
  std::erase_if(sent, [&](const AttemptId& id) { return !in_level.contains(id); });
  out.set_epoch(desired.epoch);
  out.set_version(desired.version);
  TaskRoom room;
  bool complete = true;
  for (const scheduler::DesiredAttempt& attempt : desired.attempts) {
    v1::DesiredAttempt& added = *out.add_attempts();
    AttemptToProto(attempt, added);
    if (complete) complete = AddTask(attempt, sent, room, added);
  }
  return complete;
}

}  // namespace muster::server
