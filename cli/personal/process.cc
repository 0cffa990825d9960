#include "cli/personal/process.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string_view>
#include <system_error>
#include <thread>

#include "cli/outcome.h"

namespace muster::cli {
namespace {

constexpr Duration kPause = std::chrono::milliseconds(20);
constexpr Duration kKillPatience = std::chrono::seconds(2);

Error SystemFailure(const std::string& what) {
  return {ErrorCode::kInternal, ErrorReason::kIo,
          what + ": " + std::error_code(errno, std::generic_category()).message()};
}

std::string ReadText(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

const std::string& BootId() {
  static const std::string kBootId = [] {
    std::string id = ReadText("/proc/sys/kernel/random/boot_id");
    while (!id.empty() && id.back() == '\n') id.pop_back();
    return id;
  }();
  return kBootId;
}

std::optional<std::uint64_t> StartOfProcess(pid_t pid) {
  return StartOf(ReadText("/proc/" + std::to_string(pid) + "/stat"));
}

bool IsKept(std::string_view variable) {
  static constexpr std::array<std::string_view, 12> kKept = {
      "PATH=",   "HOME=", "USER=",     "LOGNAME=",         "LANG=",        "LC_ALL=", "TZ=",
      "TMPDIR=", "GRPC_", "LC_CTYPE=", "LD_LIBRARY_PATH=", "TSAN_OPTIONS="};
  return std::any_of(kKept.begin(), kKept.end(),
                     [&](std::string_view start) { return variable.starts_with(start); });
}

// What the child needs, made before the fork: after it nothing may allocate, for other threads
// (gRPC's) are not there.
struct Prepared {
  std::vector<std::string> words;
  std::vector<char*> argv, environment;
  std::string log, failure;
  int go = -1;  // tells when

  explicit Prepared(const DaemonCommand& command) {
    words.push_back(command.program.string());
    words.insert(words.end(), command.arguments.begin(), command.arguments.end());
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    for (char** variable = environ; *variable != nullptr; ++variable) {
      if (IsKept(*variable)) environment.push_back(*variable);
    }
    environment.push_back(nullptr);
    log = command.log.string();
    failure = "cannot start " + command.program.string() + "\n";
  }
};

[[noreturn]] void RunChild(const Prepared& prepared) {
  setsid();
  umask(022);  // jobs of root run as another account
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  for (const int signal_number : {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGQUIT}) {
    signal(signal_number, SIG_DFL);
  }
  const int null = open("/dev/null", O_RDONLY);
  const int log = open(prepared.log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0600);
  char word = 0;
  ssize_t got = 0;
  do {
    got = read(prepared.go, &word, 1);
  } while (got < 0 && errno == EINTR);
  if (got != 1 || null < 0 || log < 0 || chdir("/") != 0) _exit(127);
  dup2(null, STDIN_FILENO);
  dup2(log, STDOUT_FILENO);
  dup2(log, STDERR_FILENO);
  syscall(SYS_close_range, 3U, ~0U, 0U);
  execve(prepared.argv[0], prepared.argv.data(), prepared.environment.data());
  [[maybe_unused]] const ssize_t written =
      write(STDERR_FILENO, prepared.failure.data(), prepared.failure.size());
  _exit(127);
}

std::vector<ProcessMark> WaitGone(std::vector<ProcessMark> marks, Duration patience) {
  const SteadyPoint deadline = ReadClock().steady + patience;
  while (true) {
    std::erase_if(marks, [](const ProcessMark& mark) { return !IsAlive(mark); });
    if (marks.empty() || ReadClock().steady > deadline) return marks;
    std::this_thread::sleep_for(kPause);
  }
}

}  // namespace

std::optional<std::uint64_t> StartOf(const std::string& stat_text) {
  // The name, in parentheses, may hold anything: fields count from the last one.
  const auto end = stat_text.rfind(')');
  if (end == std::string::npos) return std::nullopt;
  std::istringstream fields(stat_text.substr(end + 1));
  std::string state, skipped;
  fields >> state;
  for (int field = 4; field < 22; ++field) fields >> skipped;
  std::uint64_t start = 0;
  if (!(fields >> start) || state == "Z" || state == "X") return std::nullopt;
  return start;
}

bool IsAlive(const ProcessMark& mark) {
  return mark.boot_id == BootId() && StartOfProcess(mark.pid) == mark.started_ticks;
}

void SendSignal(const ProcessMark& mark, int signal_number) {
  // What is checked is what gets the signal: the number cannot pass to another one in between.
  const OwnedFd process(static_cast<int>(syscall(SYS_pidfd_open, mark.pid, 0)));
  if (!process || !IsAlive(mark)) return;
  syscall(SYS_pidfd_send_signal, process.get(), signal_number, nullptr, 0);
}

std::vector<ProcessMark> EndProcesses(const std::vector<ProcessMark>& marks, Duration patience) {
  for (const ProcessMark& mark : marks) SendSignal(mark, SIGTERM);
  const std::vector<ProcessMark> left = WaitGone(marks, patience);
  for (const ProcessMark& mark : left) SendSignal(mark, SIGKILL);
  return WaitGone(left, kKillPatience);
}

Result<HeldDaemon> HeldDaemon::Start(const DaemonCommand& command) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    return Fail(SystemFailure("cannot make a pair of sockets"));
  }
  const OwnedFd wait(ends[0]);
  OwnedFd go(ends[1]);
  Prepared prepared(command);
  prepared.go = wait.get();
  const pid_t pid = fork();
  if (pid < 0) return Fail(SystemFailure("cannot start a process"));
  if (pid == 0) {
    close(go.get());
    RunChild(prepared);
  }
  const auto start = StartOfProcess(pid);
  if (!start)
    return Fail(SystemFailure("/proc tells nothing about process " + std::to_string(pid)));
  return HeldDaemon({pid, *start, BootId()}, std::move(go));
}

Status HeldDaemon::Release() {
  const char word = 1;
  if (send(go_.get(), &word, 1, MSG_NOSIGNAL) != 1)
    return Fail(SystemFailure("the process has ended"));
  return {};
}

}  // namespace muster::cli
