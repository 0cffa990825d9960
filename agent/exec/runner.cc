#include "agent/exec/runner.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <charconv>
#include <map>
#include <thread>
#include <utility>

#include "agent/exec/account.h"
#include "agent/exec/live_attempt.h"
#include "agent/exec/node_programs.h"
#include "agent/exec/trash.h"
#include "agent/launch/plan.h"
#include "agent/shim/files.h"
#include "agent/staging/attempt_directory.h"
#include "base/log.h"
#include "muster/v1/agent.pb.h"

namespace muster::agent {
namespace {

constexpr char kRunSubdirectory[] = "/run";
constexpr Duration kStuckInterval = std::chrono::milliseconds(500);

// "<job id>.<number>".
std::optional<AttemptId> ParseDirectoryName(const std::string& name) {
  const std::size_t dot = name.rfind('.');
  if (dot == std::string::npos || dot == 0) return std::nullopt;
  AttemptId id;
  id.job = JobId(name.substr(0, dot));
  const char* begin = name.data() + dot + 1;
  const char* end = name.data() + name.size();
  const auto [stop, error] = std::from_chars(begin, end, id.number);
  if (error != std::errc() || stop != end) return std::nullopt;
  return id;
}

std::string MachineHostName() {
  char name[256] = {};
  ::gethostname(name, sizeof(name) - 1);
  return name;
}

Status MakeDirectory(const std::string& path, mode_t mode) {
  if (::mkdir(path.c_str(), mode) != 0 && errno != EEXIST)
    return Fail(SystemError(ErrorReason::kIo, "cannot make " + path));
  if (::chmod(path.c_str(), mode) != 0)
    return Fail(SystemError(ErrorReason::kIo, "cannot set the mode of " + path));
  return {};
}

ShimLease LeaseIn(const std::vector<LeaseState>& leases, const AttemptId& id) {
  const auto found = std::find_if(leases.begin(), leases.end(),
                                  [&](const LeaseState& lease) { return lease.id == id; });
  if (found == leases.end()) return {};
  return {found->until.time_since_epoch().count(), LeaseExpiredMessage(found->length)};
}

struct NodeFactsOfRunner {
  std::optional<Credentials> account;
  std::string program_directory;
  bool namespaces = true;
};

class RunnerImpl final : public Runner {
 public:
  RunnerImpl(boost::asio::io_context& loop, RunnerConfig config, RunnerEvents events,
             NodeFactsOfRunner facts, std::unique_ptr<Trash> trash)
      : loop_(loop),
        config_(std::move(config)),
        events_(std::move(events)),
        facts_(std::move(facts)),
        trash_(std::move(trash)),
        stuck_timer_(loop) {}
  ~RunnerImpl() override {
    for (const auto& [id, attempt] : live_) attempt->Detach();
  }

  Status Prepare(const AttemptId& id, const v1::AttemptTask& task, const FetchBlob& fetch) override;
  Status Launch(const AttemptId& id, const v1::AttemptTask& task) override;
  Status Remove(const AttemptId& id) override;
  std::vector<RecoveredAttempt> Adopt() override;

  void StartDaemon(const AttemptId& id, const DaemonRequest& request) override {
    if (LiveAttempt* attempt = Find(id)) attempt->StartDaemon(request);
  }
  void AnswerDaemon(const AttemptId& id, const DaemonExit& exit) override {
    if (LiveAttempt* attempt = Find(id)) attempt->Answer(exit);
  }
  void Terminate(const AttemptId& id, Duration grace_period) override {
    if (LiveAttempt* attempt = Find(id)) {
      attempt->Terminate(grace_period);
    } else if (!stuck_.contains(id)) {
      NothingToStop(id);
    }
  }
  void Kill(const AttemptId& id) override {
    if (LiveAttempt* attempt = Find(id)) {
      attempt->Kill();
    } else if (!stuck_.contains(id)) {
      NothingToStop(id);
    }
  }
  void NoteLeases(const std::vector<LeaseState>& leases) override;
  std::string LogDirectory(const AttemptId& id) const override { return DirectoryOf(id) + "/logs"; }
  AttemptPlace PlaceOf(const AttemptId& id) const override {
    return {DirectoryOf(id), facts_.account};
  }

 private:
  LiveAttempt* Find(const AttemptId& id) {
    const auto found = live_.find(id);
    return found == live_.end() ? nullptr : found->second.get();
  }
  std::string DirectoryOf(const AttemptId& id) const {
    return config_.directory + "/attempts/" + id.job.str() + "." + std::to_string(id.number);
  }
  void NothingToStop(const AttemptId& id);
  NodeSetup SetupOf(const AttemptId& id) const;
  Status WriteLaunchFile(const LaunchFile& launch) const;
  RecoveredAttempt AdoptOne(const AttemptId& id);
  void AdoptLaunched(LaunchFile launch, RecoveredAttempt& recovered);
  void RecoverEnded(const LaunchFile& launch, RecoveredAttempt& recovered) const;
  void WatchStuck();
  void ConcludeStuck(const AttemptId& id, const LaunchFile& launch);

  boost::asio::io_context& loop_;
  RunnerConfig config_;
  RunnerEvents events_;
  NodeFactsOfRunner facts_;
  std::unique_ptr<Trash> trash_;
  std::map<AttemptId, std::shared_ptr<LiveAttempt>> live_;
  // Of shims that were killed and are not gone: they count as running until they are.
  std::map<AttemptId, LaunchFile> stuck_;
  boost::asio::steady_timer stuck_timer_;
  std::vector<LeaseState> leases_;  // the newest told
};

void RunnerImpl::NothingToStop(const AttemptId& id) {
  boost::asio::post(
      loop_, [on_exited = events_.on_exited, id] { on_exited(id, std::nullopt, std::string()); });
}

Status RunnerImpl::Prepare(const AttemptId& id, const v1::AttemptTask& task,
                           const FetchBlob& fetch) {
  const std::string directory = DirectoryOf(id);
  if (IsStaged(directory)) return {};
  // What a crash left is of unknown completeness.
  MUSTER_TRY(trash_->Throw(directory));
  std::string archive;
  if (!task.spec().snapshot_digest().empty()) {
    MUSTER_ASSIGN(archive, fetch(task.spec().snapshot_digest()));
  }
  StagingSetup setup{config_.node,
                     directory,
                     facts_.account,
                     facts_.namespaces,
                     {config_.snapshot_max_bytes, config_.snapshot_max_entries}};
  return StageAttempt(task, setup, archive);
}

NodeSetup RunnerImpl::SetupOf(const AttemptId& id) const {
  NodeSetup setup;
  setup.node = config_.node;
  setup.attempt_directory = DirectoryOf(id);
  setup.node_directory = config_.directory;
  setup.program_directory = facts_.program_directory;
  setup.host_name = config_.host_name;
  setup.machine_host_name = MachineHostName();
  setup.interpreter = config_.interpreter;
  setup.job_python_directory = config_.job_python_directory;
  setup.namespaces = facts_.namespaces;
  setup.credentials = facts_.account;
  setup.rank_log_max_bytes = config_.rank_log_max_bytes;
  setup.cores = std::thread::hardware_concurrency();
  setup.networks = LocalNetworks();
  return setup;
}

Status RunnerImpl::WriteLaunchFile(const LaunchFile& launch) const {
  MUSTER_ASSIGN(const UniqueFd run, OpenDirectory(launch.attempt_directory + kRunSubdirectory));
  // It holds the job's environment, which may hold secrets: for the job's account and nobody else.
  MUSTER_TRY(WriteFileAt(run.get(), kLaunchFileName, ToJson(launch),
                         launch.credentials ? 0640 : 0600, Durability::kRename));
  if (launch.credentials && ::fchownat(run.get(), kLaunchFileName, static_cast<uid_t>(-1),
                                       launch.credentials->gid, 0) != 0)
    return Fail(SystemError(ErrorReason::kLaunch, "cannot give launch.json to the job's group"));
  return {};
}

Status RunnerImpl::Launch(const AttemptId& id, const v1::AttemptTask& task) {
  MUSTER_ASSIGN(LaunchFile launch, PlanLaunch(id, task, SetupOf(id)));
  launch.lease = LeaseIn(leases_, id);
  MUSTER_TRY(WriteLaunchFile(launch));
  const auto attempt = std::make_shared<LiveAttempt>(loop_, id, std::move(launch), events_);
  MUSTER_TRY(attempt->Launch(facts_.program_directory));
  live_[id] = attempt;
  return {};
}

void RunnerImpl::NoteLeases(const std::vector<LeaseState>& leases) {
  if (leases == leases_) return;
  for (const auto& [id, attempt] : live_) {
    const ShimLease lease = LeaseIn(leases, id);
    if (lease.until_us != 0 || LeaseIn(leases_, id).until_us != 0) attempt->NoteLease(lease);
  }
  leases_ = leases;
}

Status RunnerImpl::Remove(const AttemptId& id) {
  const auto found = live_.find(id);
  if (stuck_.contains(id) || (found != live_.end() && !found->second->exited()))
    return Fail(muster::ErrorCode::kFailedPrecondition, ErrorReason::kInUse,
                "attempt " + ToString(id) + " has processes");
  if (found != live_.end()) {
    found->second->Detach();
    live_.erase(found);
  }
  return trash_->Throw(DirectoryOf(id));
}

std::vector<RecoveredAttempt> RunnerImpl::Adopt() {
  std::vector<RecoveredAttempt> recovered;
  DIR* directory = ::opendir((config_.directory + "/attempts").c_str());
  if (directory == nullptr) return recovered;
  while (const dirent* entry = ::readdir(directory))
    if (const auto id = ParseDirectoryName(entry->d_name)) recovered.push_back(AdoptOne(*id));
  ::closedir(directory);
  return recovered;
}

RecoveredAttempt RunnerImpl::AdoptOne(const AttemptId& id) {
  RecoveredAttempt recovered;
  recovered.id = id;
  const std::string directory = DirectoryOf(id);
  // The lock is made in the moment before the shim is started.
  if (!LocalPathExists(directory + "/run/shim.lock")) {
    recovered.phase = IsStaged(directory) ? ObservedPhase::kReady : ObservedPhase::kPreparing;
    return recovered;
  }
  const auto run = OpenDirectory(directory + kRunSubdirectory);
  const auto text =
      run ? ReadFileAt(run->get(), kLaunchFileName, kLaunchFileMaxBytes) : Fail(run.error());
  auto launch = text ? ParseLaunchFile(*text) : Fail(text.error());
  if (launch) {
    AdoptLaunched(std::move(*launch), recovered);
  } else {
    recovered.phase = ObservedPhase::kExited;
    recovered.failure = Failure{FailureCode::kShimLost, launch.error().message};
  }
  return recovered;
}

void RunnerImpl::AdoptLaunched(LaunchFile launch, RecoveredAttempt& recovered) {
  auto shim = FindShim(launch.attempt_directory);
  if (shim) {
    const auto attempt =
        std::make_shared<LiveAttempt>(loop_, recovered.id, std::move(launch), events_);
    attempt->Resume(std::move(*shim), recovered);
    live_[recovered.id] = attempt;
  } else if (shim.error().code == muster::ErrorCode::kUnavailable) {
    Log(LogLevel::kError, "shim_stuck",
        {{"attempt", ToString(recovered.id)},
         {"error", shim.error().message},
         {"advice", "it counts as running until it is gone; look what it waits for"}});
    recovered.phase = ObservedPhase::kRunning;
    stuck_.emplace(recovered.id, std::move(launch));
    WatchStuck();
  } else {
    RecoverEnded(launch, recovered);
  }
}

void RunnerImpl::WatchStuck() {
  stuck_timer_.expires_after(kStuckInterval);
  stuck_timer_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    for (auto it = stuck_.begin(); it != stuck_.end();) {
      const auto entry = it++;
      if (!EndShim(entry->second.attempt_directory)) continue;
      const auto ended = stuck_.extract(entry);
      ConcludeStuck(ended.key(), ended.mapped());
    }
    if (!stuck_.empty()) WatchStuck();
  });
}

void RunnerImpl::ConcludeStuck(const AttemptId& id, const LaunchFile& launch) {
  RecoveredAttempt recovered;
  RecoverEnded(launch, recovered);
  for (const Rank& rank : recovered.ranks) events_.on_rank(id, rank);
  for (const DaemonExit& exit : recovered.daemon_exits) events_.on_daemon_ended(id, exit);
  events_.on_exited(id, recovered.failure, std::string());
}

void RunnerImpl::RecoverEnded(const LaunchFile& launch, RecoveredAttempt& recovered) const {
  recovered.phase = ObservedPhase::kExited;
  const auto run = OpenDirectory(launch.attempt_directory + kRunSubdirectory);
  const auto text =
      run ? ReadFileAt(run->get(), kExitFileName, kExitFileMaxBytes) : Fail(run.error());
  const auto record = text ? ParseExitRecord(*text) : Fail(text.error());
  if (!record) {
    if (!launch.namespaces) KillLeftProcesses(launch.attempt_directory);
    recovered.failure =
        Failure{FailureCode::kShimLost, "the shim that held the attempt on node " + launch.node +
                                            " was gone when the agent came back"};
    return;
  }
  for (const RankRecord& rank : record->ranks) recovered.ranks.push_back(ToRank(rank));
  for (const DaemonRecord& daemon : record->daemons) {
    recovered.daemons_started.push_back({daemon.id, NodeId(launch.node), daemon.words});
    if (daemon.exit_code) recovered.daemon_exits.push_back({daemon.id, *daemon.exit_code});
  }
  recovered.failure = FailureOf(*record);
}

}  // namespace

Result<std::unique_ptr<Runner>> Runner::Create(boost::asio::io_context& loop, RunnerConfig config,
                                               RunnerEvents events) {
  NodeFactsOfRunner facts;
  MUSTER_ASSIGN(facts.account, JobAccount(config.job_user));
  // The job's account must be able to pass through to its attempt; it sees nothing on the way.
  const mode_t pass = facts.account ? 0711 : 0700;
  MUSTER_TRY(MakeDirectory(config.directory, pass));
  MUSTER_TRY(MakeDirectory(config.directory + "/attempts", pass));
  MUSTER_ASSIGN(facts.program_directory,
                InstallPrograms(config.program_directory, config.directory));
  switch (config.isolation) {
    case Isolation::kAuto:
      facts.namespaces = ProbeShim(facts.program_directory);
      break;
    case Isolation::kNamespaces:
      facts.namespaces = true;
      break;
    case Isolation::kNone:
      facts.namespaces = false;
      break;
  }
  MUSTER_ASSIGN(auto trash, Trash::Open(config.directory + "/trash"));
  Log(LogLevel::kInfo, "runner_ready",
      {{"node", config.node.str()},
       {"isolation", facts.namespaces ? "namespaces" : "none"},
       {"job_user", facts.account ? config.job_user : "own"}});
  return std::unique_ptr<Runner>(std::make_unique<RunnerImpl>(
      loop, std::move(config), std::move(events), std::move(facts), std::move(trash)));
}

}  // namespace muster::agent
