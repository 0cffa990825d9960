#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "agent/shim/daemon_words.h"
#include "agent/shim/files.h"
#include "agent/shim/namespaces.h"
#include "agent/shim/rank_command.h"
#include "agent/shim/supervisor.h"

namespace muster::agent {
namespace {

// Where `name` is on the PATH of an environment; empty: nowhere.
std::string FindProgram(const std::string& name, const Environment& environment) {
  const auto found = environment.find("PATH");
  std::string rest = found == environment.end() ? std::string() : found->second;
  while (!rest.empty()) {
    const std::size_t colon = rest.find(':');
    std::string candidate = rest.substr(0, colon) + "/" + name;
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
    rest = colon == std::string::npos ? std::string() : rest.substr(colon + 1);
  }
  return {};
}

}  // namespace

Status Supervisor::SetUp() {
  const std::string run_path = launch_.attempt_directory + "/run";
  MUSTER_ASSIGN(run_, OpenDirectory(run_path));
  MUSTER_TRY(SetUpSignals());
  MUSTER_ASSIGN(UniqueFd listener, ListenAt(run_.get(), "control.sock", 0600));
  control_ = std::make_unique<ControlServer>(
      std::move(listener), [this] { return Level(); },
      [this](const ShimCommand& command) { OnCommand(command); });
  if (agent_) control_->Adopt(std::move(agent_));
  return {};
}

Status Supervisor::SetUpSignals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGCHLD);
  ::sigprocmask(SIG_BLOCK, &set, nullptr);
  for (const int signal : {SIGPIPE, SIGINT, SIGTERM, SIGHUP}) ::signal(signal, SIG_IGN);
  signals_.Reset(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals_) return Fail(SystemError(ErrorReason::kLaunch, "signalfd"));
  return {};
}

Status Supervisor::Start() {
  if (launch_.namespaces) {
    MUSTER_TRY(SetUpNamespaces(launch_));
  } else {
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    MUSTER_TRY(LinkData(launch_));
  }
  EndWithLease();
  if (killing_) return {};
  if (launch_.mode == LaunchMode::kRanks) {
    MUSTER_TRY(OpenLogs());
    StartRanks();
    return {};
  }
  const std::string exits_path = launch_.attempt_directory + "/run/" + kExitsDirectory;
  MUSTER_ASSIGN(UniqueFd exits, OpenDirectory(exits_path));
  MUSTER_ASSIGN(records_, RankRecordWatch::Open(std::move(exits), exits_path, launch_.world_size));
  return launch_.mode == LaunchMode::kMpirun ? StartMpirun() : Status();
}

// All of them before the first rank runs: it could put a link in the place of the next one's log.
Status Supervisor::OpenLogs() {
  for (std::uint32_t i = 0; i < launch_.rank_count; ++i) {
    const std::uint32_t rank = launch_.first_rank + i;
    MUSTER_ASSIGN(LogPump pump, LogPump::Open(launch_.attempt_directory + "/logs",
                                              RankLogName(launch_.world_size, rank),
                                              launch_.rank_log_max_bytes, credentials()));
    Rank& entry = ranks_[rank];
    entry.record.rank = rank;
    entry.pump.emplace(std::move(pump));
  }
  return {};
}

void Supervisor::StartRanks() {
  for (auto& [number, rank] : ranks_) {
    const Environment environment =
        RankEnvironment(launch_, number, number - launch_.first_rank, {});
    const RankCommand command = MakeRankCommand(launch_, environment);
    rank.pump->Write(command.preamble);
    ProcessSpec spec{command.program,
                     command.argv,
                     ToStrings(environment),
                     launch_.attempt_directory + "/work",
                     rank.pump->writer(),
                     credentials(),
                     false};
    rank.record.started_us = WallMicros();
    const auto pid = StartProcess(spec);
    rank.pump->CloseWriter();
    if (!pid) {
      rank.pump->Write(pid.error().message + "\n");
      rank.record.ended_us = WallMicros();
      rank.record.exit_code = pid.error().exit_code;
      rank.record.launch_error = pid.error().message;
      OnRankEnded(rank);
      return;
    }
    rank.record.pid = *pid;
    Send(rank);
  }
}

tl::expected<pid_t, StartFailure> Supervisor::StartLauncher(const std::string& name,
                                                            std::vector<std::string> argv,
                                                            const std::string& log) {
  const std::string program = FindProgram(name, launch_.launcher_environment);
  if (program.empty())
    return tl::unexpected(StartFailure{
        127, name + " was not found on node " + launch_.node + ": is Open MPI there?"});
  auto output = LogPump::Open(launch_.attempt_directory + "/logs", log, 0, credentials());
  if (!output) return tl::unexpected(StartFailure{126, output.error().message});
  ProcessSpec spec{program,
                   std::move(argv),
                   ToStrings(launch_.launcher_environment),
                   launch_.attempt_directory + "/work",
                   output->log(),
                   credentials(),
                   true};
  return StartProcess(spec);
}

Status Supervisor::StartMpirun() {
  const auto pid = StartLauncher("mpirun", launch_.launcher, kMpiLogName);
  if (!pid) return Fail(ErrorCode::kInternal, ErrorReason::kLaunch, pid.error().message);
  mpirun_ = *pid;
  return {};
}

void Supervisor::StartDaemon(const DaemonRecord& request) {
  const bool known = std::any_of(daemons_.begin(), daemons_.end(), [&](const Daemon& daemon) {
    return daemon.record.id == request.id;
  });
  if (known || stopping_ || killing_ || !records_) return;
  Daemon daemon{{request.id, StripShellQuotes(request.words), std::nullopt}, 0};
  if (const Status allowed = CheckDaemonWords(daemon.record.words); !allowed) {
    FailToLaunch(allowed.error().message);
    return;
  }
  std::vector<std::string> argv = daemon.record.words;
  argv[0] = "orted";
  const auto pid = StartLauncher("orted", argv, "70_mpi_log_" + launch_.node + ".txt");
  daemon.pid = pid ? *pid : 0;
  if (!pid) daemon.record.exit_code = pid.error().exit_code;
  daemons_.push_back(std::move(daemon));
  Send(daemons_.back());
  if (!pid) FailToLaunch(pid.error().message);
}

void Supervisor::FailToLaunch(const std::string& message) {
  FailWith(ShimFailure::kLaunchFailed, message);
}

}  // namespace muster::agent
