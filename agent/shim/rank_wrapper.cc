#include "agent/shim/rank_wrapper.h"

#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string_view>

#include "agent/shim/files.h"
#include "agent/shim/log_pump.h"
#include "agent/shim/process.h"
#include "agent/shim/rank_command.h"
#include "agent/shim/records.h"

namespace muster::agent {
namespace {

constexpr int kWrapperFailed = 126;

std::optional<std::uint32_t> NumberFrom(const char* variable) {
  const char* text = std::getenv(variable);
  if (text == nullptr) return std::nullopt;
  std::uint32_t number = 0;
  const char* end = text + std::strlen(text);
  const auto [stop, error] = std::from_chars(text, end, number);
  if (error != std::errc() || stop != end) return std::nullopt;
  return number;
}

int Complain(const std::string& message) {
  std::fprintf(stderr, "muster-shim rank: %s\n", message.c_str());
  return kWrapperFailed;
}

// Passes the rank's output on until the rank has ended; hands SIGTERM and SIGINT on to it.
int WaitFor(pid_t pid, int signals, LogPump& pump) {
  pollfd polls[2] = {{signals, POLLIN, 0}, {pump.reader(), POLLIN, 0}};
  for (;;) {
    polls[1].fd = pump.reader();
    ::poll(polls, 2, -1);
    if (polls[1].revents != 0) pump.Pump();
    signalfd_siginfo info{};
    while (::read(signals, &info, sizeof(info)) == sizeof(info)) {
      if (info.ssi_signo != SIGCHLD) ::kill(-pid, static_cast<int>(info.ssi_signo));
    }
    int status = 0;
    if (::waitpid(pid, &status, WNOHANG) != pid) continue;
    pump.Drain();
    return status;
  }
}

[[noreturn]] void EndAs(int status) {
  if (WIFEXITED(status)) ::_exit(WEXITSTATUS(status));
  const rlimit no_core{0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  const int signal = WTERMSIG(status);
  ::signal(signal, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::kill(::getpid(), signal);
  ::_exit(128 + signal);
}

int OpenSignals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGCHLD, SIGTERM, SIGINT}) sigaddset(&set, signal);
  ::sigprocmask(SIG_BLOCK, &set, nullptr);
  return ::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

ProcessSpec MakeSpec(const LaunchFile& launch, const Environment& environment,
                     const RankCommand& command, int output) {
  ProcessSpec spec;
  spec.program = command.program;
  spec.argv = command.argv;
  spec.environment = ToStrings(environment);
  spec.directory = launch.attempt_directory + "/work";
  spec.output = output;
  return spec;
}

int RunRank(const LaunchFile& launch, const UniqueFd& exits, RankRecord record,
            std::uint32_t local_rank) {
  const std::string name = "rank-" + std::to_string(record.rank);
  auto pump =
      LogPump::Open(launch.attempt_directory + "/logs", RankLogName(launch.world_size, record.rank),
                    launch.rank_log_max_bytes, nullptr);
  if (!pump) return Complain(pump.error().message);
  std::vector<std::string> inherited;
  for (char** item = environ; *item != nullptr; ++item) inherited.emplace_back(*item);
  const Environment environment = RankEnvironment(launch, record.rank, local_rank, inherited);
  const RankCommand command = MakeRankCommand(launch, environment);
  pump->Write(command.preamble);

  UniqueFd signals(OpenSignals());
  record.started_us = WallMicros();
  const auto pid = StartProcess(MakeSpec(launch, environment, command, pump->writer()));
  pump->CloseWriter();
  if (!pid) {
    pump->Write(pid.error().message + "\n");
    record.ended_us = WallMicros();
    record.exit_code = pid.error().exit_code;
    record.launch_error = pid.error().message;
    static_cast<void>(
        WriteFileAt(exits.get(), name + ".json", ToJson(record), 0644, Durability::kSync));
    Complain(pid.error().message);
    return pid.error().exit_code;
  }
  record.pid = *pid;
  static_cast<void>(
      WriteFileAt(exits.get(), name + ".start", ToJson(record), 0644, Durability::kRename));
  const int status = WaitFor(*pid, signals.get(), *pump);
  record.ended_us = WallMicros();
  if (WIFEXITED(status)) {
    record.exit_code = WEXITSTATUS(status);
  } else {
    record.signal = WTERMSIG(status);
  }
  static_cast<void>(
      WriteFileAt(exits.get(), name + ".json", ToJson(record), 0644, Durability::kSync));
  EndAs(status);
}

}  // namespace

int RunRankWrapper() {
  const char* directory = std::getenv("MUSTER_RUN_DIRECTORY");
  const auto rank = NumberFrom("OMPI_COMM_WORLD_RANK");
  const auto local_rank = NumberFrom("OMPI_COMM_WORLD_LOCAL_RANK");
  if (directory == nullptr || !rank || !local_rank)
    return Complain("is started by mpirun in an attempt, not by hand");
  const auto run = OpenDirectory(directory);
  if (!run) return Complain(run.error().message);
  const auto text = ReadFileAt(run->get(), kLaunchFileName, kLaunchFileMaxBytes);
  if (!text) return Complain(text.error().message);
  const auto launch = ParseLaunchFile(*text);
  if (!launch) return Complain(launch.error().message);
  const auto exits = OpenDirectory(std::string(directory) + "/" + kExitsDirectory);
  if (!exits) return Complain(exits.error().message);
  RankRecord record;
  record.rank = *rank;
  return RunRank(*launch, *exits, record, *local_rank);
}

}  // namespace muster::agent
