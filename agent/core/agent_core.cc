#include "agent/core/agent_core.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "agent/core/attempt.h"
#include "base/planted_bug.h"

namespace muster::agent {

struct AgentCore::Impl {
  explicit Impl(const AgentCoreConfig& core_config) : config(core_config) {}

  AgentCoreConfig config;
  std::map<AttemptId, Attempt> attempts;
  std::uint64_t seen_epoch = 0;
  std::uint64_t seen_version = 0;

  bool session_open = false;
  std::optional<SteadyPoint> last_renewal;  // `sent` of the newest acknowledged heartbeat
  std::optional<SteadyPoint>
      goodbye_at;  // its extension counts until a later heartbeat is answered

  std::uint64_t free_disk_bytes = 0;
  bool disk_low = false;
  Report report;  // the newest that was made
  bool report_acknowledged = true;
  SteadyPoint report_sent{};

  Attempt* Find(const AttemptId& id) {
    const auto it = attempts.find(id);
    return it == attempts.end() ? nullptr : &it->second;
  }

  std::vector<ObservedAttempt> Level() const {
    std::vector<ObservedAttempt> level;
    level.reserve(attempts.size());
    for (const auto& [id, attempt] : attempts) level.push_back(Observe(attempt));
    return level;
  }

  void AdvanceAll(Now now, Actions& actions) {
    for (auto it = attempts.begin(); it != attempts.end();) {
      Advance(it->second, config, now, actions);
      if (!it->second.Removable()) {
        ++it;
        continue;
      }
      if (it->second.on_disk) actions.push_back(Remove{it->first});
      it = attempts.erase(it);
    }
  }

  void SendReport(std::vector<ObservedAttempt> level, Now now, Actions& actions) {
    report.sequence += 1;
    report.attempts = std::move(level);
    report.free_disk_bytes = free_disk_bytes;
    report.disk_low = disk_low;
    report_acknowledged = false;
    report_sent = now.steady;
    actions.push_back(agent::SendReport{report});
  }

  // Ends every entry: a level that differs from the one last told is told now, or once the report
  // that is under way is acknowledged. So many changes at once cost few reports.
  Actions Finish(Now now, Actions actions) {
    if (!session_open || !report_acknowledged) return actions;
    std::vector<ObservedAttempt> level = Level();
    if (report.sequence == 0 || level != report.attempts || disk_low != report.disk_low) {
      SendReport(std::move(level), now, actions);
    }
    return actions;
  }

  Actions AdvanceAndFinish(Now now, Actions actions = {}) {
    AdvanceAll(now, actions);
    return Finish(now, std::move(actions));
  }

  void TakeDesired(const DesiredAttempt& desired, Now now);
  void AnswerOpenRequests(Attempt& attempt, Actions& actions);
};

// Makes the attempt's wish the newest one.
void AgentCore::Impl::TakeDesired(const DesiredAttempt& desired, Now now) {
  const auto [it, is_new] = attempts.try_emplace(desired.id);
  Attempt& attempt = it->second;
  attempt.id = desired.id;
  attempt.wanted = Wanted::kInLevel;
  attempt.desired = desired;
  if (attempt.task == nullptr) attempt.task = desired.task;
  if (!is_new) return;
  if (attempt.HasLease() && last_renewal && *last_renewal + desired.lease > now.steady) {
    attempt.lease_until = *last_renewal + desired.lease;
  }
  const bool starts =
      desired.phase == DesiredPhase::kPrepare || desired.phase == DesiredPhase::kRun;
  if (starts && disk_low) {
    attempt.stage = Stage::kFinished;
    attempt.failure = Failure{FailureCode::kNodeDiskFull,
                              "The node's free disk space is below its reserve (" +
                                  std::to_string(free_disk_bytes >> 20) + " MiB are free)."};
  }
}

void AgentCore::Impl::AnswerOpenRequests(Attempt& attempt, Actions& actions) {
  for (const DaemonExit& exit : attempt.desired.daemon_exits) {
    attempt.answers[exit.id] = exit;
    if (attempt.open_requests.erase(exit.id) == 0) continue;
    actions.push_back(AnswerDaemon{attempt.id, exit});
  }
}

AgentCore::AgentCore(const AgentCoreConfig& config, const std::vector<RecoveredAttempt>& recovered,
                     std::uint64_t seen_epoch, Now now)
    : impl_(std::make_unique<Impl>(config)) {
  impl_->seen_epoch = seen_epoch;
  for (const RecoveredAttempt& attempt : recovered) {
    impl_->attempts.emplace(attempt.id, FromRecovered(attempt, now));
  }
}

AgentCore::~AgentCore() = default;

AgentCore::Actions AgentCore::OnSessionOpened(Now now) {
  impl_->session_open = true;
  // The server is there again, so an extension for its absence ends, before the first report of
  // this session lets the server count on it.
  impl_->goodbye_at.reset();
  for (auto& [id, attempt] : impl_->attempts) {
    if (!attempt.lease_until) continue;
    attempt.lease_until = std::min(*attempt.lease_until, now.steady + attempt.desired.lease);
  }
  Actions actions;
  impl_->AdvanceAll(now, actions);
  // Always anew: what the server keeps in memory only may be gone.
  impl_->SendReport(impl_->Level(), now, actions);
  return actions;
}

AgentCore::Actions AgentCore::OnSessionClosed(Now now) {
  impl_->session_open = false;
  return impl_->AdvanceAndFinish(now);
}

AgentCore::Actions AgentCore::OnDesired(const Desired& desired, Now now) {
  Impl& core = *impl_;
  const bool is_older =
      std::tie(desired.epoch, desired.version) < std::tie(core.seen_epoch, core.seen_version);
  if (is_older && !IsPlanted(PlantedBug::kSkipEpochCheck)) return {};
  core.seen_epoch = desired.epoch;
  core.seen_version = desired.version;

  for (auto& [id, attempt] : core.attempts) attempt.wanted = Wanted::kAbsent;
  for (const DesiredAttempt& attempt : desired.attempts) core.TakeDesired(attempt, now);
  Actions actions;
  for (auto& [id, attempt] : core.attempts) {
    if (attempt.wanted == Wanted::kInLevel) core.AnswerOpenRequests(attempt, actions);
  }
  return core.AdvanceAndFinish(now, std::move(actions));
}

AgentCore::Actions AgentCore::OnReportAck(std::uint64_t sequence, Now now) {
  if (sequence == impl_->report.sequence) impl_->report_acknowledged = true;
  return impl_->AdvanceAndFinish(now);
}

AgentCore::Actions AgentCore::OnHeartbeatAck(SteadyPoint sent, Now now) {
  Impl& core = *impl_;
  core.last_renewal = std::max(core.last_renewal.value_or(sent), sent);
  const bool ends_extension = core.goodbye_at && sent > *core.goodbye_at;
  if (ends_extension) core.goodbye_at.reset();
  for (auto& [id, attempt] : core.attempts) {
    if (!attempt.HasLease()) continue;
    // One that has run out before the answer came is not revived.
    const auto deadline = LeaseDeadline(attempt, core.config);
    if (deadline && now.steady >= *deadline) continue;
    const SteadyPoint renewed = sent + attempt.desired.lease;
    attempt.lease_until =
        ends_extension ? renewed : std::max(attempt.lease_until.value_or(renewed), renewed);
  }
  return core.AdvanceAndFinish(now);
}

AgentCore::Actions AgentCore::OnGoodbye(Duration lease_extension, Now now) {
  Impl& core = *impl_;
  core.goodbye_at = now.steady;
  for (auto& [id, attempt] : core.attempts) {
    const auto deadline = LeaseDeadline(attempt, core.config);
    if (!deadline || now.steady >= *deadline) continue;
    attempt.lease_until = std::max(*attempt.lease_until, now.steady + lease_extension);
  }
  return core.AdvanceAndFinish(now);
}

AgentCore::Actions AgentCore::OnPrepared(const AttemptId& id, const std::optional<Failure>& failure,
                                         Now now) {
  Attempt* attempt = impl_->Find(id);
  if (attempt == nullptr || attempt->stage != Stage::kStaging) return {};
  if (failure) {
    if (!attempt->failure) attempt->failure = failure;
    attempt->stage = Stage::kExited;
  } else {
    attempt->stage = Stage::kStaged;
  }
  Actions actions;
  impl_->AdvanceAll(now, actions);
  attempt = impl_->Find(id);
  if (attempt != nullptr && attempt->stage == Stage::kStaged) attempt->reported_ready = true;
  return impl_->Finish(now, std::move(actions));
}

AgentCore::Actions AgentCore::OnRunning(const AttemptId& id, Now now) {
  Attempt* attempt = impl_->Find(id);
  if (attempt == nullptr || attempt->stage != Stage::kLaunching) return {};
  attempt->stage = Stage::kRunning;
  return impl_->AdvanceAndFinish(now);
}

AgentCore::Actions AgentCore::OnRank(const AttemptId& id, const Rank& rank, Now now) {
  Attempt* attempt = impl_->Find(id);
  if (attempt == nullptr) return {};
  Rank& known = attempt->ranks[rank.rank];
  if (!known.ended) known = rank;
  return impl_->AdvanceAndFinish(now);
}

AgentCore::Actions AgentCore::OnExited(const AttemptId& id, const std::optional<Failure>& failure,
                                       const std::string& last_log_lines, Now now) {
  Attempt* attempt = impl_->Find(id);
  if (attempt == nullptr || !attempt->MayHaveProcesses()) return {};
  attempt->stage = Stage::kExited;
  if (failure && !attempt->failure) attempt->failure = failure;
  attempt->last_log_lines = last_log_lines;
  attempt->open_requests.clear();  // mpirun, who asked, is gone
  return impl_->AdvanceAndFinish(now);
}

AgentCore::Actions AgentCore::OnScriptFailed(const AttemptId& id, const std::string& sentence,
                                             Now now) {
  Attempt* attempt = impl_->Find(id);
  if (attempt == nullptr || attempt->stage != Stage::kShipping || attempt->failure) return {};
  attempt->failure = Failure{FailureCode::kScriptFailed, sentence};
  return impl_->AdvanceAndFinish(now);
}

AgentCore::Actions AgentCore::OnShipped(const AttemptId& id, Now now) {
  Attempt* attempt = impl_->Find(id);
  if (attempt == nullptr || attempt->stage != Stage::kShipping) return {};
  attempt->stage = Stage::kFinished;
  return impl_->AdvanceAndFinish(now);
}

AgentCore::Actions AgentCore::OnDaemonRequested(const AttemptId& id, const DaemonRequest& request,
                                                Now now) {
  Attempt* attempt = impl_->Find(id);
  if (attempt == nullptr || !attempt->MayHaveProcesses()) {
    return {AnswerDaemon{id, DaemonExit{request.id, kNoAttempt}}};
  }
  const auto answer = attempt->answers.find(request.id);
  if (answer != attempt->answers.end()) {
    return impl_->Finish(now, {AnswerDaemon{id, answer->second}});
  }
  attempt->open_requests.insert_or_assign(request.id, request);
  return impl_->Finish(now, {});
}

AgentCore::Actions AgentCore::OnDaemonEnded(const AttemptId& id, const DaemonExit& exit, Now now) {
  Attempt* attempt = impl_->Find(id);
  if (attempt == nullptr) return {};
  attempt->daemons_started.insert(exit.id);
  attempt->daemon_exits.emplace(exit.id, exit);
  return impl_->Finish(now, {});
}

AgentCore::Actions AgentCore::OnDisk(std::uint64_t free_bytes, bool low, Now now) {
  impl_->free_disk_bytes = free_bytes;
  impl_->disk_low = low;
  return impl_->Finish(now, {});
}

AgentCore::Actions AgentCore::OnTimer(Now now) {
  Impl& core = *impl_;
  Actions actions = core.AdvanceAndFinish(now);
  const bool overdue = core.session_open && !core.report_acknowledged &&
                       now.steady >= core.report_sent + core.config.report_resend;
  if (overdue) {
    core.report_sent = now.steady;
    actions.push_back(SendReport{core.report});
  }
  return actions;
}

std::optional<SteadyPoint> AgentCore::NextTimer() const {
  const Impl& core = *impl_;
  std::optional<SteadyPoint> next;
  if (core.session_open && !core.report_acknowledged) {
    next = core.report_sent + core.config.report_resend;
  }
  for (const auto& [id, attempt] : core.attempts) {
    const auto deadline = LeaseDeadline(attempt, core.config);
    if (deadline && (!next || *deadline < *next)) next = deadline;
  }
  return next;
}

std::vector<ObservedAttempt> AgentCore::Observed() const { return impl_->Level(); }

std::vector<LeaseState> AgentCore::Leases() const {
  std::vector<LeaseState> leases;
  for (const auto& [id, attempt] : impl_->attempts) {
    if (!attempt.HasLease() || !attempt.MayHaveProcesses() || !attempt.lease_until) continue;
    leases.push_back(LeaseState{id, *attempt.lease_until, attempt.desired.lease});
  }
  return leases;
}

std::uint64_t AgentCore::SeenEpoch() const { return impl_->seen_epoch; }

}  // namespace muster::agent
