#include <utility>
// <utility> first: this Boost's Asio needs it.
#include <algorithm>
#include <boost/asio/post.hpp>

#include "agent/logs/attempt_notes.h"
#include "agent/session/agent_loop.h"
#include "agent/session/disk.h"
#include "base/log.h"
#include "muster/v1/agent.pb.h"

namespace muster::agent {
namespace {

constexpr Duration kDiskInterval = std::chrono::seconds(2);

void LogAttempt(LogLevel level, std::string_view event, const AttemptId& id) {
  Log(level, event, {{"attempt", ToString(id)}});
}

}  // namespace

AgentLoop::AgentLoop(AgentLoopParts parts, const std::vector<RecoveredAttempt>& recovered)
    : parts_(std::move(parts)),
      core_(AgentCoreConfig{}, recovered, parts_.staging.ledger.seen_epoch(), ReadClock()),
      core_timer_(parts_.loop),
      disk_timer_(parts_.loop) {
  for (const RecoveredAttempt& attempt : recovered) {
    Work& work = work_[attempt.id];
    work.record = {attempt.id, LedgerPhase::kPreparing, attempt.task, attempt.lease, {}};
    if (attempt.phase == ObservedPhase::kRunning) recovered_running_.push_back(attempt.id);
    if (attempt.phase == ObservedPhase::kRunning || attempt.phase == ObservedPhase::kExited) {
      parts_.shipper.Follow(attempt.id, parts_.staging.runner.LogDirectory(attempt.id));
      const auto task = ParseTask(attempt.task.get());
      FollowJob(attempt.id, task ? task->get() : nullptr);
    }
    LogAttempt(LogLevel::kInfo, "attempt_recovered", attempt.id);
  }
}

void AgentLoop::Start(bool rebooted) {
  if (rebooted) {
    for (const AttemptId& id : recovered_running_) parts_.staging.runner.Kill(id);
  }
  TrimBlobs();
  LookAtDisk();
}

void AgentLoop::Stop() {
  stopped_ = true;
  actions_.clear();
  core_timer_.cancel();
  disk_timer_.cancel();
}

void AgentLoop::SessionOpened() {
  parts_.shipper.OnSession(true);
  parts_.outputs.OnSession(true);
  parts_.tracking.OnSession(true);
  Perform(core_.OnSessionOpened(ReadClock()));
}

void AgentLoop::SessionClosed() {
  parts_.shipper.OnSession(false);
  parts_.outputs.OnSession(false);
  parts_.tracking.OnSession(false);
  Perform(core_.OnSessionClosed(ReadClock()));
}

void AgentLoop::TakeDesired(const Desired& desired) {
  Ledger& ledger = parts_.staging.ledger;
  // A new epoch is on disk before it is obeyed: after a restart no older server is believed.
  if (desired.epoch > ledger.seen_epoch()) {
    if (const Status noted = ledger.PutSeenEpoch(desired.epoch); !noted) {
      Log(LogLevel::kError, "epoch_not_noted", {{"error", noted.error().message}});
    }
  }
  GiveUpStaging(desired);
  Perform(core_.OnDesired(desired, ReadClock()));
}

// A staging whose attempt is to end is worth no more bytes: the core waits for its end.
void AgentLoop::GiveUpStaging(const Desired& desired) {
  if (desired.epoch < parts_.staging.ledger.seen_epoch()) return;
  for (auto& [id, work] : work_) {
    if (!work.staging) continue;
    const auto wanted = std::find_if(desired.attempts.begin(), desired.attempts.end(),
                                     [&, &key = id](const auto& it) { return it.id == key; });
    const bool goes_on =
        wanted != desired.attempts.end() &&
        (wanted->phase == DesiredPhase::kPrepare || wanted->phase == DesiredPhase::kRun);
    if (!goes_on) work.given_up->Set();
  }
}

void AgentLoop::ReportAcked(std::uint64_t sequence) {
  Perform(core_.OnReportAck(sequence, ReadClock()));
}

void AgentLoop::HeartbeatAcked(SteadyPoint sent) {
  Perform(core_.OnHeartbeatAck(sent, ReadClock()));
}

void AgentLoop::ServerLeaving(Duration lease_extension) {
  Log(LogLevel::kInfo, "server_leaving", {{"lease_extension", FormatDuration(lease_extension)}});
  Perform(core_.OnGoodbye(lease_extension, ReadClock()));
}

void AgentLoop::Running(const AttemptId& id) {
  LogAttempt(LogLevel::kInfo, "attempt_running", id);
  Perform(core_.OnRunning(id, ReadClock()));
}

void AgentLoop::RankChanged(const AttemptId& id, const Rank& rank) {
  Perform(core_.OnRank(id, rank, ReadClock()));
}

void AgentLoop::Exited(const AttemptId& id, const std::optional<Failure>& failure,
                       const std::string& log_tail) {
  Log(LogLevel::kInfo, "attempt_exited",
      {{"attempt", ToString(id)}, {"failure", failure ? failure->message : "none"}});
  Perform(core_.OnExited(id, failure, log_tail, ReadClock()));
}

void AgentLoop::DaemonRequested(const AttemptId& id, const DaemonRequest& request) {
  Perform(core_.OnDaemonRequested(id, request, ReadClock()));
}

void AgentLoop::DaemonEnded(const AttemptId& id, const DaemonExit& exit) {
  Perform(core_.OnDaemonEnded(id, exit, ReadClock()));
}

// An action may cause an event at once, and that more actions: they come after those before them.
void AgentLoop::Perform(AgentCore::Actions actions) {
  if (stopped_) return;
  for (Action& action : actions) actions_.push_back(std::move(action));
  if (std::exchange(performing_, true)) return;
  while (!actions_.empty()) {
    const Action action = std::move(actions_.front());
    actions_.pop_front();
    std::visit([this](const auto& it) { Do(it); }, action);
  }
  performing_ = false;
  const std::vector<LeaseState> leases = core_.Leases();
  parts_.staging.ledger.NoteLeases(leases);
  parts_.staging.runner.NoteLeases(leases);
  ArmCoreTimer();
}

void AgentLoop::Do(const Prepare& action) {
  LogAttempt(LogLevel::kInfo, "attempt_preparing", action.id);
  Work& work = work_[action.id];
  work.record = {action.id, LedgerPhase::kPreparing, action.task, action.lease, {}};
  work.staging = true;
  work.given_up = std::make_shared<StopSignal>();
  parts_.staging_workers.Post([this, action, given_up = work.given_up] {
    auto failure = Stage(parts_.staging, action, *given_up);
    boost::asio::post(
        parts_.loop, [this, id = action.id, failure = std::move(failure)] { Staged(id, failure); });
  });
}

void AgentLoop::Staged(const AttemptId& id, const std::optional<Failure>& failure) {
  if (stopped_) return;
  Work& work = work_[id];
  work.staging = false;
  if (work.remove) {
    RemoveNow(id);
    return;
  }
  if (failure) {
    work.record.phase = LedgerPhase::kFailed;
    work.record.failure = failure;
  }
  parts_.shipper.Follow(id, parts_.staging.runner.LogDirectory(id));
  Perform(core_.OnPrepared(id, failure, ReadClock()));
}

void AgentLoop::Do(const Launch& action) {
  Work& work = work_[action.id];
  work.record.id = action.id;
  work.record.phase = LedgerPhase::kLaunched;
  work.launching = true;
  parts_.ledger_workers.Post([this, record = work.record] {
    Status noted = parts_.staging.ledger.Put(record);
    boost::asio::post(parts_.loop,
                      [this, id = record.id, noted = std::move(noted)] { LaunchNoted(id, noted); });
  });
}

void AgentLoop::LaunchNoted(const AttemptId& id, const Status& noted) {
  if (stopped_) return;
  Work& work = work_[id];
  work.launching = false;
  if (work.remove) {
    RemoveNow(id);
    return;
  }
  if (work.stop) {
    Perform(core_.OnExited(id, std::nullopt, "", ReadClock()));
    return;
  }
  if (!noted) {
    LaunchFailed(work, noted.error());
    return;
  }
  const auto task = ParseTask(work.record.task.get());
  if (!task) {
    LaunchFailed(work, task.error());
    return;
  }
  work.launched = ReadClock().steady;
  parts_.shipper.Follow(id, parts_.staging.runner.LogDirectory(id));
  FollowJob(id, task->get());
  if (const Status launched = parts_.staging.runner.Launch(id, **task); !launched) {
    LaunchFailed(work, launched.error());
  }
}

// `task`: null if it cannot be read any more.
void AgentLoop::FollowJob(const AttemptId& id, const v1::AttemptTask* task) {
  const AttemptPlace place = parts_.staging.runner.PlaceOf(id);
  const bool alone = task == nullptr || task->gang_size() <= 1;
  parts_.tracking.Follow(id, place, alone);
  parts_.outputs.Follow(id, place.directory + "/work", task == nullptr ? 0 : task->node_rank());
}

void AgentLoop::LaunchFailed(Work& work, const Error& error) {
  Log(LogLevel::kWarning, "attempt_not_launched",
      {{"attempt", ToString(work.record.id)}, {"error", error.message}});
  Failure failure{FailureCode::kLaunchFailed, error.message};
  const Failure staging = StagingFailure(
      error, ReadDiskSpace(parts_.staging.directory, parts_.staging.disk_reserve_bytes));
  if (staging.code == FailureCode::kNodeDiskFull) failure.code = staging.code;
  work.record.phase = LedgerPhase::kFailed;
  work.record.failure = failure;
  parts_.ledger_workers.Post([this, record = work.record] {
    if (const Status noted = parts_.staging.ledger.Put(record); !noted) {
      Log(LogLevel::kWarning, "ledger_not_written", {{"error", noted.error().message}});
    }
  });
  Perform(core_.OnExited(work.record.id, failure, "", ReadClock()));
}

void AgentLoop::Do(const StartDaemon& action) {
  parts_.staging.runner.StartDaemon(action.id, action.request);
}

void AgentLoop::Do(const AnswerDaemon& action) {
  parts_.staging.runner.AnswerDaemon(action.id, action.exit);
}

void AgentLoop::Do(const Terminate& action) {
  Log(LogLevel::kInfo, "attempt_terminating",
      {{"attempt", ToString(action.id)}, {"grace", FormatDuration(action.grace_period)}});
  Work& work = work_[action.id];
  if (work.launching) {
    work.stop = true;
  } else {
    parts_.staging.runner.Terminate(action.id, action.grace_period);
  }
}

void AgentLoop::Do(const Kill& action) {
  LogAttempt(LogLevel::kInfo, "attempt_killing", action.id);
  Work& work = work_[action.id];
  if (work.launching) {
    work.stop = true;
  } else {
    parts_.staging.runner.Kill(action.id);
  }
}

void AgentLoop::Do(const ShipRest& action) {
  const Work& work = work_[action.id];
  const Now now = ReadClock();
  std::vector<std::string> lines;
  if (work.launched != SteadyPoint{}) {
    lines.push_back("processes ended after " + FormatDuration(now.steady - work.launched));
  } else {
    lines.emplace_back("processes ended");
  }
  parts_.outputs.ShipRest(action.id, [this, id = action.id, lines] {
    parts_.tracking.ShipRest(
        id, [this, id, lines](const std::optional<std::string>& script_failure) {
          TellWhatWasShipped(id, lines);
          // The logs last: what was brought and what was refused is told in them.
          parts_.shipper.ShipRest(id, [this, id, script_failure] { Shipped(id, script_failure); });
        });
  });
}

void AgentLoop::TellWhatWasShipped(const AttemptId& id, std::vector<std::string> lines) {
  for (const auto& more : {parts_.outputs.Describe(id), parts_.tracking.Describe(id)}) {
    lines.insert(lines.end(), more.begin(), more.end());
  }
  WritePostNote(parts_.staging.runner.LogDirectory(id), parts_.staging.node, ReadClock().wall,
                lines);
}

void AgentLoop::Shipped(const AttemptId& id, const std::optional<std::string>& script_failure) {
  if (stopped_) return;
  LogAttempt(LogLevel::kInfo, "attempt_finished", id);
  if (script_failure) Perform(core_.OnScriptFailed(id, *script_failure, ReadClock()));
  Perform(core_.OnShipped(id, ReadClock()));
}

void AgentLoop::Do(const Remove& action) {
  Work& work = work_[action.id];
  if (work.staging || work.launching) {
    work.remove = true;
  } else {
    RemoveNow(action.id);
  }
}

// The directory first: what is left by a crash in between is found by the ledger's entry.
void AgentLoop::RemoveNow(const AttemptId& id) {
  LogAttempt(LogLevel::kDebug, "attempt_removed", id);
  parts_.shipper.Forget(id);
  parts_.outputs.Forget(id);
  parts_.tracking.Forget(id);
  work_.erase(id);
  if (const Status removed = parts_.staging.runner.Remove(id); !removed) {
    Log(LogLevel::kWarning, "attempt_not_removed",
        {{"attempt", ToString(id)}, {"error", removed.error().message}});
    return;
  }
  parts_.staging.ledger.Remove(id);
}

void AgentLoop::Do(const SendReport& action) { parts_.send_report(action.report); }

void AgentLoop::ArmCoreTimer() {
  core_timer_.cancel();
  const auto next = core_.NextTimer();
  if (!next) return;
  core_timer_.expires_after(std::max(Duration::zero(), *next - ReadClock().steady));
  core_timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) Perform(core_.OnTimer(ReadClock()));
  });
}

void AgentLoop::LookAtDisk() {
  const DiskSpace space =
      ReadDiskSpace(parts_.staging.directory, parts_.staging.disk_reserve_bytes);
  Perform(core_.OnDisk(space.free_bytes, space.low, ReadClock()));
  if (space.low) TrimBlobs();
  disk_timer_.expires_after(kDiskInterval);
  disk_timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) LookAtDisk();
  });
}

void AgentLoop::TrimBlobs() {
  if (std::exchange(trimming_, true)) return;
  parts_.ledger_workers.Post([this] {
    parts_.staging.cache.Trim();
    boost::asio::post(parts_.loop, [this] { trimming_ = false; });
  });
}

RunnerEvents EventsFor(boost::asio::io_context& loop, const std::shared_ptr<AgentLoop*>& target) {
  // Posted, so that no event comes in the middle of the call that caused it.
  const auto later = [&loop, target](auto&& deliver) {
    boost::asio::post(loop, [target, deliver = std::forward<decltype(deliver)>(deliver)] {
      if (*target != nullptr) deliver(**target);
    });
  };
  RunnerEvents events;
  events.on_running = [later](const AttemptId& id) {
    later([id](AgentLoop& agent) { agent.Running(id); });
  };
  events.on_rank = [later](const AttemptId& id, const Rank& rank) {
    later([id, rank](AgentLoop& agent) { agent.RankChanged(id, rank); });
  };
  events.on_exited = [later](const AttemptId& id, const std::optional<Failure>& failure,
                             const std::string& tail) {
    later([id, failure, tail](AgentLoop& agent) { agent.Exited(id, failure, tail); });
  };
  events.on_daemon_requested = [later](const AttemptId& id, const DaemonRequest& request) {
    later([id, request](AgentLoop& agent) { agent.DaemonRequested(id, request); });
  };
  events.on_daemon_ended = [later](const AttemptId& id, const DaemonExit& exit) {
    later([id, exit](AgentLoop& agent) { agent.DaemonEnded(id, exit); });
  };
  return events;
}

}  // namespace muster::agent
