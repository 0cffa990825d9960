#include "agent/exec/live_attempt.h"

#include <signal.h>
extern "C" {  // glibc 2.36 forgets it
}

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <utility>

#include "agent/shim/files.h"
#include "base/log.h"

namespace muster::agent {
namespace {

constexpr std::size_t kTailBytes = 4096;
constexpr Duration kReconnectDelay = std::chrono::milliseconds(20);
// How long a shim has to carry out an order before it is killed itself.
constexpr Duration kShimPatience = std::chrono::seconds(3);

// An end that something else is to blame for: a failure of the attempt as a whole, which comes with
// its exit and says why. Its exit code or signal must not be heard before that.
bool ExplainedByExit(const RankRecord& record) {
  return !record.launch_error.empty() || record.collateral;
}

RankRecord WithoutEnd(RankRecord record) {
  record.ended_us = 0;
  record.exit_code.reset();
  record.signal.reset();
  record.launch_error.clear();
  record.collateral = false;
  return record;
}

}  // namespace

LiveAttempt::LiveAttempt(boost::asio::io_context& loop, AttemptId id, LaunchFile launch,
                         const RunnerEvents& events)
    : loop_(loop),
      id_(std::move(id)),
      launch_(std::move(launch)),
      events_(events),
      control_(loop),
      process_(loop),
      starter_(loop),
      reconnect_(loop),
      hard_kill_(loop) {}

Status LiveAttempt::ListenForRsh() {
  if (launch_.mode != LaunchMode::kMpirun) return {};
  MUSTER_ASSIGN(rsh_, RshListener::Open(loop_, launch_, [this](const DaemonRequest& request) {
                  if (!exited_ && !detached_) events_.on_daemon_requested(id_, request);
                }));
  return {};
}

Status LiveAttempt::Launch(const std::string& program_directory) {
  MUSTER_TRY(ListenForRsh());
  auto shim = SpawnShim(program_directory, launch_.attempt_directory);
  if (!shim) {
    Detach();
    return Fail(shim.error());
  }
  control_.assign(shim->connection.Release());
  lease_told_ = launch_.lease;
  ReapStarter(std::move(shim->starter));
  Read();
  return {};
}

void LiveAttempt::Resume(FoundShim shim, RecoveredAttempt& recovered) {
  if (const Status listening = ListenForRsh(); !listening)
    Log(LogLevel::kError, "rsh_not_resumed",
        {{"attempt", ToString(id_)}, {"error", listening.error().message}});
  running_ = true;
  recovered.phase = ObservedPhase::kRunning;
  for (const ShimEvent& event : shim.level) {
    if (event.kind == ShimEvent::Kind::kRank)
      ranks_[event.rank.rank] = ExplainedByExit(event.rank) ? WithoutEnd(event.rank) : event.rank;
    if (event.kind == ShimEvent::Kind::kDaemon) daemons_[event.daemon.id] = event.daemon;
  }
  for (const auto& [number, record] : ranks_) recovered.ranks.push_back(ToRank(record));
  for (const auto& [daemon_id, record] : daemons_) {
    recovered.daemons_started.push_back({daemon_id, NodeId(launch_.node), record.words});
    if (record.exit_code) recovered.daemon_exits.push_back({daemon_id, *record.exit_code});
  }
  control_.assign(shim.connection.Release());
  if (shim.process) process_.assign(shim.process.Release());
  input_ = std::move(shim.rest);
  // Events only after the caller has taken the level in.
  boost::asio::post(loop_, [self = shared_from_this()] {
    if (!self->detached_) self->Read();
  });
}

void LiveAttempt::Detach() {
  detached_ = true;
  if (rsh_) rsh_->Close();
  ErrorCode ignored;
  control_.close(ignored);
  process_.close(ignored);
  starter_.close(ignored);
  reconnect_.cancel();
  hard_kill_.cancel();
}

// --- orders
// -----------------------------------------------------------------------------------------

void LiveAttempt::StartDaemon(const DaemonRequest& request) {
  Send({ShimCommand::Kind::kStartDaemon, 0, {request.id, request.arguments, std::nullopt}, {}});
}

void LiveAttempt::Answer(const DaemonExit& exit) {
  if (rsh_) rsh_->Answer(exit);
}

void LiveAttempt::Terminate(Duration grace_period) {
  stopping_ = true;
  Send({ShimCommand::Kind::kTerminate, grace_period.count(), {}, {}});
  KillAfter(grace_period + kShimPatience);
}

void LiveAttempt::Kill() {
  stopping_ = true;
  Send({ShimCommand::Kind::kKill, 0, {}, {}});
  KillAfter(kShimPatience);
}

void LiveAttempt::NoteLease(const ShimLease& lease) {
  if (lease_told_ == lease) return;
  lease_told_ = lease;
  Send({ShimCommand::Kind::kLease, 0, {}, lease});
}

void LiveAttempt::KillAfter(Duration delay) {
  const auto at = std::chrono::steady_clock::now() + delay;
  if (hard_kill_.expiry() > std::chrono::steady_clock::now() && hard_kill_.expiry() <= at) return;
  hard_kill_.expires_at(at);
  hard_kill_.async_wait([self = shared_from_this()](ErrorCode error) {
    if (error || self->exited_ || self->detached_ || !self->process_.is_open()) return;
    KillProcess(self->process_.native_handle());
  });
}

void LiveAttempt::Send(const ShimCommand& command) {
  if (exited_ || detached_) return;
  output_ += ToLine(command);
  Write();
}

void LiveAttempt::Write() {
  if (writing_ || !control_.is_open()) return;
  if (sending_.empty()) sending_.swap(output_);
  if (sending_.empty()) return;
  writing_ = true;
  control_.async_write_some(boost::asio::buffer(sending_),
                            [self = shared_from_this()](ErrorCode error, std::size_t bytes) {
                              self->writing_ = false;
                              if (self->detached_) return;
                              self->sending_.erase(0, bytes);
                              if (!error) self->Write();
                            });
}

// --- what the shim says
// -----------------------------------------------------------------------------

void LiveAttempt::Read() {
  while (const auto line = input_.Next()) {
    const auto event = ParseShimEvent(*line);
    if (event) Take(*event);
    if (exited_ || detached_) return;
  }
  control_.async_read_some(boost::asio::buffer(buffer_),
                           [self = shared_from_this()](ErrorCode error, std::size_t bytes) {
                             if (self->detached_ || self->exited_) return;
                             if (error || !self->input_.Add({self->buffer_.data(), bytes})) {
                               self->OnDisconnected();
                               return;
                             }
                             self->Read();
                           });
}

void LiveAttempt::Take(const ShimEvent& event) {
  switch (event.kind) {
    case ShimEvent::Kind::kSupervisor: {
      UniqueFd process = OpenProcess(event.pid);
      if (process && !process_.is_open()) process_.assign(process.Release());
      break;
    }
    case ShimEvent::Kind::kRunning:
      if (!std::exchange(running_, true)) events_.on_running(id_);
      break;
    case ShimEvent::Kind::kRank:
      TakeRank(event.rank);
      break;
    case ShimEvent::Kind::kDaemon:
      TakeDaemon(event.daemon);
      break;
    case ShimEvent::Kind::kLevelEnd:
      break;
    case ShimEvent::Kind::kExited:
      Conclude(event.exit, FailureOf(event.exit));
      break;
  }
}

void LiveAttempt::TakeRank(const RankRecord& record) {
  RankRecord& known = ranks_[record.rank];
  if (known == record || known.ended_us != 0) return;
  if (ExplainedByExit(record) && !exited_) return;
  known = record;
  events_.on_rank(id_, ToRank(record));
}

void LiveAttempt::TakeDaemon(const DaemonRecord& record) {
  DaemonRecord& known = daemons_[record.id];
  const bool ended_now = record.exit_code && !known.exit_code;
  known = record;
  if (ended_now) events_.on_daemon_ended(id_, {record.id, *record.exit_code});
}

// --- the shim's process
// -----------------------------------------------------------------------------

void LiveAttempt::ReapStarter(UniqueFd starter) {
  if (!starter) return;
  starter_.assign(starter.Release());
  starter_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                      [self = shared_from_this()](ErrorCode error) {
                        if (error) return;
                        Reap(self->starter_.native_handle());
                        ErrorCode ignored;
                        self->starter_.close(ignored);
                      });
}

void LiveAttempt::OnDisconnected() {
  ErrorCode ignored;
  control_.close(ignored);
  input_ = LineBuffer(kShimLineMaxBytes);
  if (!process_.is_open()) {
    ConcludeFromDisk();
    return;
  }
  // Its end closes the connection a moment before the last process is gone; or it has cut us off.
  WatchProcess();
  Reconnect();
}

void LiveAttempt::WatchProcess() {
  process_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                      [self = shared_from_this()](ErrorCode error) {
                        if (error) return;
                        Reap(self->process_.native_handle());
                        if (!self->detached_ && !self->exited_) self->ConcludeFromDisk();
                      });
}

void LiveAttempt::Reconnect() {
  reconnect_.expires_after(kReconnectDelay);
  reconnect_.async_wait([self = shared_from_this()](ErrorCode error) {
    if (error || self->detached_ || self->exited_) return;
    const auto run = OpenDirectory(self->launch_.attempt_directory + "/run");
    auto connection = run ? ConnectAt(run->get(), "control.sock") : Fail(run.error());
    if (!connection) {
      self->Reconnect();
      return;
    }
    self->process_.cancel();
    self->control_.assign(connection->Release());
    // What was sent before the connection ended may not have been read.
    if (self->lease_told_)
      self->output_ += ToLine(ShimCommand{ShimCommand::Kind::kLease, 0, {}, *self->lease_told_});
    self->Read();
    self->Write();
  });
}

// --- the end
// ----------------------------------------------------------------------------------------

void LiveAttempt::ConcludeFromDisk() {
  const std::string run_path = launch_.attempt_directory + "/run";
  if (const auto run = OpenDirectory(run_path)) {
    const auto text = ReadFileAt(run->get(), kExitFileName, kExitFileMaxBytes);
    const auto record = text ? ParseExitRecord(*text) : Fail(text.error());
    if (record) {
      Conclude(*record, FailureOf(*record));
      return;
    }
  }
  if (!launch_.namespaces) KillLeftProcesses(launch_.attempt_directory);
  ExitRecord record;
  for (auto [number, rank] : ranks_) {
    if (rank.ended_us == 0) {
      rank.ended_us = WallMicros();
      rank.signal = SIGKILL;
      rank.collateral = true;
    }
    record.ranks.push_back(rank);
  }
  if (stopping_) {
    Conclude(record, std::nullopt);
  } else if (running_) {
    Conclude(record, Failure{FailureCode::kShimLost,
                             "the shim that held the attempt on node " + launch_.node +
                                 " was killed; its processes died with it"});
  } else {
    const auto run = OpenDirectory(run_path);
    Conclude(record, Failure{FailureCode::kLaunchFailed,
                             "the shim could not start on node " + launch_.node + ": " +
                                 (run ? ReadTailAt(run->get(), "shim.log", 400) : "")});
  }
}

void LiveAttempt::Conclude(const ExitRecord& record, const std::optional<Failure>& failure) {
  exited_ = true;
  if (rsh_) rsh_->Close();
  ErrorCode ignored;
  control_.close(ignored);
  hard_kill_.cancel();
  reconnect_.cancel();
  if (process_.is_open()) WatchProcess();
  const auto self = shared_from_this();  // a callback may remove the attempt
  const std::string tail = LogTail(record);
  for (const DaemonRecord& daemon : record.daemons) TakeDaemon(daemon);
  // When something else is to blame, it is named before the ranks that died of it.
  if (failure) events_.on_exited(id_, failure, tail);
  for (const RankRecord& rank : record.ranks)
    if (!detached_) TakeRank(rank);
  if (!failure && !detached_) events_.on_exited(id_, failure, tail);
}

std::string LiveAttempt::LogTail(const ExitRecord& record) const {
  const auto logs = OpenDirectory(launch_.attempt_directory + "/logs");
  if (!logs) return {};
  const RankRecord* failed = nullptr;
  for (const RankRecord& rank : record.ranks) {
    if (!rank.failed() || rank.collateral) continue;
    if (failed == nullptr || rank.ended_us < failed->ended_us) failed = &rank;
  }
  if (failed != nullptr)
    return ReadTailAt(logs->get(), RankLogName(launch_.world_size, failed->rank), kTailBytes);
  return record.failure ? ReadTailAt(logs->get(), kMpiLogName, kTailBytes) : std::string();
}

Rank ToRank(const RankRecord& record) {
  Rank rank;
  rank.rank = record.rank;
  rank.started = FromMicros(record.started_us);
  if (record.ended_us != 0) rank.ended = FromMicros(record.ended_us);
  rank.exit_code = record.exit_code;
  rank.signal = record.signal;
  return rank;
}

std::optional<Failure> FailureOf(const ExitRecord& record) {
  if (!record.failure) return std::nullopt;
  switch (*record.failure) {
    case ShimFailure::kLaunchFailed:
      return Failure{FailureCode::kLaunchFailed, record.failure_message};
    case ShimFailure::kLauncherFailed:
      return Failure{FailureCode::kLauncherFailed, record.failure_message};
    case ShimFailure::kLeaseExpired:
      return Failure{FailureCode::kLeaseExpired, record.failure_message};
  }
  return Failure{FailureCode::kLaunchFailed, record.failure_message};
}

}  // namespace muster::agent
