#include "agent/shim/supervisor.h"

#include <signal.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "agent/shim/files.h"
#include "agent/shim/process_tree.h"

namespace muster::agent {
namespace {

// A launcher that ends because of another node's rank ends at the same time as the server's order
// to stop is on its way. Only after this does its end count as a failure of its own.
constexpr std::int64_t kVerdictDelayUs = 300'000;
constexpr int kKillAgainMs = 20;
constexpr int kFlushMs = 500;

std::string Describe(const std::string& name, int status) {
  if (WIFEXITED(status)) return name + " ended with code " + std::to_string(WEXITSTATUS(status));
  return name + " was ended by signal " + std::to_string(WTERMSIG(status));
}

void SetEnd(RankRecord& record, int status) {
  record.ended_us = WallMicros();
  if (WIFEXITED(status)) {
    record.exit_code = WEXITSTATUS(status);
  } else {
    record.signal = WTERMSIG(status);
  }
}

}  // namespace

Supervisor::Supervisor(LaunchFile launch, UniqueFd agent)
    : launch_(std::move(launch)), agent_(std::move(agent)), lease_(launch_.lease) {}

int Supervisor::Run() {
  if (const Status ready = SetUp(); !ready) {
    std::fprintf(stderr, "muster-shim: %s\n", ready.error().message.c_str());
    return 1;
  }
  running_ = true;
  control_->Broadcast({});
  if (const Status started = Start(); !started) FailToLaunch(started.error().message);
  Loop();
  Finish();
  return 0;
}

void Supervisor::Loop() {
  for (;;) {
    Reap();
    if (records_)
      for (const RankRecord& record : records_->Changed()) OnRankRecord(record);
    OnTimers();
    if (killing_) {
      KillDescendants(launch_.namespaces);
      Reap();
      if (children_gone_) return;
    }
    Wait();
  }
}

void Supervisor::Wait() {
  std::vector<pollfd> polls = {{signals_.get(), POLLIN, 0},
                               {records_ ? records_->fd() : -1, POLLIN, 0}};
  for (auto& [number, rank] : ranks_)
    if (rank.pump && rank.pump->reader() >= 0) polls.push_back({rank.pump->reader(), POLLIN, 0});
  const std::size_t control_begin = polls.size();
  control_->Collect(polls);
  if (::poll(polls.data(), polls.size(), TimeoutMs()) <= 0) return;
  signalfd_siginfo info{};
  while (::read(signals_.get(), &info, sizeof(info)) == sizeof(info)) {
  }
  for (std::size_t i = 2; i < control_begin; ++i) {
    if (polls[i].revents == 0) continue;
    for (auto& [number, rank] : ranks_)
      if (rank.pump && rank.pump->reader() == polls[i].fd) rank.pump->Pump();
  }
  control_->Serve(polls, control_begin);
}

int Supervisor::TimeoutMs() const {
  if (killing_) return kKillAgainMs;
  std::int64_t next = kill_at_us_;
  for (const std::int64_t at : {verdict_at_us_, lease_.until_us})
    if (at != 0 && (next == 0 || at < next)) next = at;
  if (next == 0) return -1;
  const std::int64_t left_ms = (next - SteadyMicros() + 999) / 1'000;
  return static_cast<int>(std::clamp<std::int64_t>(left_ms, 0, 3'600'000));
}

void Supervisor::OnTimers() {
  EndWithLease();
  if (killing_) return;
  const std::int64_t now = SteadyMicros();
  if (verdict_at_us_ != 0 && now >= verdict_at_us_) {
    failure_ = ShimFailure::kLauncherFailed;
    failure_message_ = verdict_;
    KillAll();
  } else if (kill_at_us_ != 0 && now >= kill_at_us_) {
    KillAll();
  }
}

void Supervisor::OnCommand(const ShimCommand& command) {
  switch (command.kind) {
    case ShimCommand::Kind::kTerminate:
      Terminate(command.grace_us);
      break;
    case ShimCommand::Kind::kKill:
      // The agent may be the first to see that the lease is over: the reason is the same.
      EndWithLease();
      stopping_ = true;
      KillAll();
      break;
    case ShimCommand::Kind::kStartDaemon:
      StartDaemon(command.daemon);
      break;
    case ShimCommand::Kind::kLease:
      lease_ = command.lease;
      break;
  }
}

void Supervisor::Reap() {
  for (;;) {
    int status = 0;
    const pid_t pid = ::waitpid(-1, &status, WNOHANG);
    if (pid < 0 && errno == EINTR) continue;
    children_gone_ = pid < 0;
    if (pid <= 0) return;
    OnChild(pid, status);
  }
}

void Supervisor::OnChild(pid_t pid, int status) {
  if (pid == mpirun_) {
    mpirun_ = 0;
    OnLauncherEnded("mpirun on node " + launch_.node, status);
    return;
  }
  for (Daemon& daemon : daemons_) {
    if (daemon.pid != pid) continue;
    daemon.pid = 0;
    daemon.record.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    Send(daemon);
    OnLauncherEnded("orted on node " + launch_.node, status);
    return;
  }
  if (records_) return;  // a rank of mpirun's whose parent has gone, or a daemon of the job
  for (auto& [number, rank] : ranks_) {
    if (rank.record.pid != pid || rank.record.ended_us != 0) continue;
    SetEnd(rank.record, status);
    rank.record.collateral = killing_;
    rank.pump->Drain();
    OnRankEnded(rank);
    return;
  }
}

void Supervisor::OnRankRecord(const RankRecord& record) {
  const auto found = ranks_.find(record.rank);
  if (found == ranks_.end() && ranks_.size() >= launch_.rank_count) return;
  Rank& rank = ranks_[record.rank];
  if (rank.record.ended_us != 0 || (record.ended_us == 0 && rank.record.started_us != 0)) return;
  rank.record = record;
  rank.record.collateral = killing_;
  if (record.ended_us != 0) {
    OnRankEnded(rank);
    return;
  }
  Send(rank);
  if (stopping_) SignalRank(rank);
}

void Supervisor::OnRankEnded(Rank& rank) {
  Send(rank);
  if (!rank.record.launch_error.empty()) {
    FailToLaunch("rank " + std::to_string(rank.record.rank) + " on node " + launch_.node + ": " +
                 rank.record.launch_error);
    return;
  }
  // mpirun has its own end to come to when all is well, and is stopped while ranks are told to end.
  const bool done = AllRanksEnded() && (!records_ || stopping_);
  if (done || (rank.record.failed() && !stopping_)) KillAll();
}

void Supervisor::OnLauncherEnded(const std::string& name, int status) {
  for (const RankRecord& record : records_->All()) OnRankRecord(record);
  if (killing_) return;
  launcher_succeeded_ = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  if (launcher_succeeded_ || stopping_ || AnyRankFailed()) {
    KillAll();
    return;
  }
  verdict_ = Describe(name, status) + " though no process of this node had failed";
  verdict_at_us_ = SteadyMicros() + kVerdictDelayUs;
}

bool Supervisor::AnyRankFailed() const {
  return std::any_of(ranks_.begin(), ranks_.end(),
                     [](const auto& entry) { return entry.second.record.failed(); });
}

bool Supervisor::AllRanksEnded() const {
  return std::all_of(ranks_.begin(), ranks_.end(),
                     [](const auto& entry) { return entry.second.record.ended_us != 0; });
}

void Supervisor::Terminate(std::int64_t grace_us) {
  if (killing_) return;
  const std::int64_t deadline = SteadyMicros() + std::max<std::int64_t>(grace_us, 0);
  kill_at_us_ = kill_at_us_ == 0 ? deadline : std::min(kill_at_us_, deadline);
  if (stopping_) return;
  stopping_ = true;
  if (grace_us <= 0 || AllRanksEnded()) {
    KillAll();
    return;
  }
  // mpirun would kill all ranks as soon as the first of them ends: it and orted stand still, so
  // that every rank on every node has its whole grace period.
  if (mpirun_ > 0) ::kill(mpirun_, SIGSTOP);
  for (const Daemon& daemon : daemons_)
    if (daemon.pid > 0) ::kill(daemon.pid, SIGSTOP);
  for (const auto& [number, rank] : ranks_) SignalRank(rank);
}

void Supervisor::SignalRank(const Rank& rank) const {
  const pid_t pid = rank.record.pid;
  if (pid <= 1 || rank.record.ended_us != 0) return;
  // In MPI the number comes from a file of the job's.
  if (records_ && !IsDescendant(pid)) return;
  ::kill(-pid, SIGTERM);
}

void Supervisor::EndWithLease() {
  if (killing_ || lease_.until_us == 0 || SteadyMicros() < lease_.until_us) return;
  FailWith(ShimFailure::kLeaseExpired, lease_.message);
}

void Supervisor::FailWith(ShimFailure failure, const std::string& message) {
  if (!failure_ && !stopping_) {
    failure_ = failure;
    failure_message_ = message;
  }
  KillAll();
}

void Supervisor::KillAll() {
  killing_ = true;
  KillDescendants(launch_.namespaces);
}

void Supervisor::Finish() {
  if (records_)
    for (const RankRecord& record : records_->All()) OnRankRecord(record);
  ExitRecord exit;
  for (auto& [number, rank] : ranks_) {
    if (rank.pump) rank.pump->Drain();
    if (rank.record.started_us == 0) continue;
    if (rank.record.ended_us == 0) {
      // Its wrapper was killed before it could write how the rank ended.
      rank.record.ended_us = WallMicros();
      rank.record.collateral = true;
      if (launcher_succeeded_) {
        rank.record.exit_code = 0;
      } else {
        rank.record.signal = SIGKILL;
      }
      Send(rank);
    }
    exit.ranks.push_back(rank.record);
  }
  for (const Daemon& daemon : daemons_) exit.daemons.push_back(daemon.record);
  exit.failure = failure_;
  exit.failure_message = failure_message_;
  // The record is there for every later agent before this one is told, and on disk before we end.
  Status written = WriteFileAt(run_.get(), kExitFileName, ToJson(exit), 0600, Durability::kRename);
  ShimEvent event;
  event.kind = ShimEvent::Kind::kExited;
  event.exit = std::move(exit);
  control_->Broadcast(event);
  if (written) written = SyncFileAt(run_.get(), kExitFileName);
  if (!written) std::fprintf(stderr, "muster-shim: %s\n", written.error().message.c_str());
  control_->Flush(kFlushMs);
}

std::string Supervisor::Level() const {
  std::string lines;
  ShimEvent event;
  if (running_) lines += ToLine(event);
  event.kind = ShimEvent::Kind::kRank;
  for (const auto& [number, rank] : ranks_) {
    event.rank = rank.record;
    if (rank.record.started_us != 0) lines += ToLine(event);
  }
  event.kind = ShimEvent::Kind::kDaemon;
  for (const Daemon& daemon : daemons_) {
    event.daemon = daemon.record;
    lines += ToLine(event);
  }
  event.kind = ShimEvent::Kind::kLevelEnd;
  return lines + ToLine(event);
}

void Supervisor::Send(const Rank& rank) {
  ShimEvent event;
  event.kind = ShimEvent::Kind::kRank;
  event.rank = rank.record;
  control_->Broadcast(event);
}

void Supervisor::Send(const Daemon& daemon) {
  ShimEvent event;
  event.kind = ShimEvent::Kind::kDaemon;
  event.daemon = daemon.record;
  control_->Broadcast(event);
}

}  // namespace muster::agent
