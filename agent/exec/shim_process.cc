#include "agent/exec/shim_process.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/file.h>
extern "C" {  // glibc 2.36 forgets it
}
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "agent/shim/files.h"
#include "agent/shim/spawn_protocol.h"

namespace muster::agent {
namespace {

constexpr std::int64_t kFindTimeoutUs = 2'000'000;
constexpr int kFindRetryMs = 5;
constexpr int kKillRetryMs = 100;
constexpr std::size_t kProcessFileMaxBytes = 4U << 20;

// posix_spawn's two objects.
class SpawnSetup {
 public:
  SpawnSetup() {
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    // A session of its own: no signal to the agent's group or terminal reaches it.
    posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  }
  ~SpawnSetup() {
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
  }
  SpawnSetup(const SpawnSetup&) = delete;
  SpawnSetup& operator=(const SpawnSetup&) = delete;

  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
};

Result<pid_t> Spawn(const std::string& program, const std::vector<std::string>& arguments,
                    const SpawnSetup& setup) {
  std::vector<char*> argv = {const_cast<char*>("muster-shim")};
  for (const std::string& text : arguments) argv.push_back(const_cast<char*>(text.c_str()));
  argv.push_back(nullptr);
  char* environment[] = {const_cast<char*>("PATH=/usr/sbin:/usr/bin:/sbin:/bin"), nullptr};
  pid_t pid = 0;
  const int error = ::posix_spawn(&pid, program.c_str(), &setup.actions, &setup.attributes,
                                  argv.data(), environment);
  if (error != 0)
    return Fail(ErrorCode::kInternal, ErrorReason::kLaunch,
                "cannot start " + program + ": " + std::strerror(error));
  return pid;
}

// Descriptors above all those that the shim is given: dup2 must not overwrite one before it is
// copied.
Result<UniqueFd> MoveUp(UniqueFd fd) {
  UniqueFd high(::fcntl(fd.get(), F_DUPFD_CLOEXEC, kShimFirstFreeFd));
  if (!high) return Fail(SystemError(ErrorReason::kLaunch, "fcntl"));
  return high;
}

Result<UniqueFd> LockShim(int run) {
  UniqueFd lock(::openat(run, kShimLockName, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!lock) return Fail(SystemError(ErrorReason::kLaunch, "cannot open the shim's lock"));
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0)
    return Fail(ErrorCode::kFailedPrecondition, ErrorReason::kLaunch,
                "a shim of this attempt is alive already");
  return lock;
}

// Reads whole lines until the level has ended. False: the connection has ended, or time is up.
bool ReadLevel(FoundShim& shim, std::int64_t deadline_us) {
  for (;;) {
    while (const auto line = shim.rest.Next()) {
      const auto event = ParseShimEvent(*line);
      if (!event) continue;
      if (event->kind == ShimEvent::Kind::kLevelEnd) return true;
      shim.level.push_back(*event);
    }
    pollfd entry{shim.connection.get(), POLLIN, 0};
    const auto left_ms = static_cast<int>((deadline_us - SteadyMicros()) / 1'000);
    if (left_ms <= 0 || ::poll(&entry, 1, left_ms) <= 0) return false;
    char buffer[65536];
    const ssize_t got = ::read(shim.connection.get(), buffer, sizeof(buffer));
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (got <= 0 || !shim.rest.Add({buffer, static_cast<std::size_t>(got)})) return false;
  }
}

// A file of /proc/<pid>, as far as the bound; empty if it can't be read.
std::string ReadOfProcess(pid_t pid, const char* name) {
  const std::string path = "/proc/" + std::to_string(pid) + "/" + name;
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string content;
  char buffer[65536];
  while (fd && content.size() < kProcessFileMaxBytes) {
    const ssize_t got = ::read(fd.get(), buffer, sizeof(buffer));
    if (got <= 0) break;
    content.append(buffer, static_cast<std::size_t>(got));
  }
  return content;
}

// SIGKILL to every process that `is_meant` says yes to; how many those were. What is judged is what
// is killed: the number can't have passed to another process in between.
template <class Predicate>
int KillThose(Predicate is_meant) {
  int killed = 0;
  DIR* directory = ::opendir("/proc");
  if (directory == nullptr) return 0;
  while (const dirent* entry = ::readdir(directory)) {
    const pid_t pid = std::atoi(entry->d_name);
    if (pid <= 1 || pid == ::getpid()) continue;
    const UniqueFd process = OpenProcess(pid);
    if (!process || !is_meant(pid)) continue;
    KillProcess(process.get());
    ++killed;
  }
  ::closedir(directory);
  return killed;
}

// A shim of the attempt by its command line, for one that can't be reached otherwise.
void KillShimsOf(const std::string& attempt_directory) {
  const std::string command =
      std::string("muster-shim") + '\0' + "attempt" + '\0' + attempt_directory + '\0';
  KillThose([&](pid_t pid) { return ReadOfProcess(pid, "cmdline") == command; });
}

}  // namespace

Result<StartedShim> SpawnShim(const std::string& program_directory,
                              const std::string& attempt_directory) {
  MUSTER_ASSIGN(const UniqueFd run, OpenDirectory(attempt_directory + "/run"));
  MUSTER_ASSIGN(UniqueFd first_lock, LockShim(run.get()));
  MUSTER_ASSIGN(const UniqueFd lock, MoveUp(std::move(first_lock)));
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0)
    return Fail(SystemError(ErrorReason::kLaunch, "socketpair"));
  StartedShim shim;
  shim.connection.Reset(ends[0]);
  MUSTER_ASSIGN(const UniqueFd other_end, MoveUp(UniqueFd(ends[1])));
  SpawnSetup setup;
  const std::string log = attempt_directory + "/run/shim.log";
  posix_spawn_file_actions_addopen(&setup.actions, 1, log.c_str(),
                                   O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0600);
  posix_spawn_file_actions_adddup2(&setup.actions, 1, 2);
  posix_spawn_file_actions_adddup2(&setup.actions, other_end.get(), kShimConnectionFd);
  posix_spawn_file_actions_adddup2(&setup.actions, lock.get(), kShimLockFd);
  posix_spawn_file_actions_addclosefrom_np(&setup.actions, kShimFirstFreeFd);
  MUSTER_ASSIGN(const pid_t pid,
                Spawn(program_directory + "/muster-shim", {"attempt", attempt_directory}, setup));
  shim.starter = OpenProcess(pid);
  return shim;
}

bool ProbeShim(const std::string& program_directory) {
  SpawnSetup setup;
  posix_spawn_file_actions_addopen(&setup.actions, 1, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_adddup2(&setup.actions, 1, 2);
  posix_spawn_file_actions_addclosefrom_np(&setup.actions, 3);
  const auto pid = Spawn(program_directory + "/muster-shim", {"probe"}, setup);
  if (!pid) return false;
  int status = 0;
  while (::waitpid(*pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

Result<FoundShim> FindShim(const std::string& attempt_directory) {
  MUSTER_ASSIGN(const UniqueFd run, OpenDirectory(attempt_directory + "/run"));
  const std::int64_t deadline_us = SteadyMicros() + kFindTimeoutUs;
  for (;;) {
    // Held by any process of the shim from before its first instruction: free means none is left.
    if (LockShim(run.get()))
      return Fail(ErrorCode::kNotFound, ErrorReason::kLaunch, "no shim of this attempt is alive");
    FoundShim shim;
    if (auto connection = ConnectAt(run.get(), "control.sock")) {
      shim.connection = std::move(*connection);
      shim.process = PeerProcess(shim.connection.get());
      if (ReadLevel(shim, deadline_us)) return shim;
    }
    // One that holds processes and can't be asked must not be taken for one that is gone.
    const bool overdue = SteadyMicros() > deadline_us;
    if (overdue && shim.process) KillProcess(shim.process.get());
    if (overdue) KillShimsOf(attempt_directory);
    if (SteadyMicros() > deadline_us + kFindTimeoutUs)
      return Fail(ErrorCode::kUnavailable, ErrorReason::kLaunch,
                  "the attempt's shim is alive, does not answer and could not be killed");
    ::poll(nullptr, 0, overdue ? kKillRetryMs : kFindRetryMs);
  }
}

UniqueFd PeerProcess(int connection) {
  ucred peer{};
  socklen_t length = sizeof(peer);
  if (::getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0 || peer.pid <= 0)
    return {};
  return OpenProcess(peer.pid);
}

// By number: this C library's header lacks extern "C".
UniqueFd OpenProcess(pid_t pid) {
  return UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
}

void KillProcess(int process) { ::syscall(SYS_pidfd_send_signal, process, SIGKILL, nullptr, 0); }

void Reap(int process) {
  siginfo_t info{};
  ::waitid(P_PIDFD, static_cast<id_t>(process), &info, WEXITED | WNOHANG);
}

void KillLeftProcesses(const std::string& attempt_directory) {
  const std::string marker =
      std::string(1, '\0') + "MUSTER_ATTEMPT_DIRECTORY=" + attempt_directory + std::string(1, '\0');
  const auto is_marked = [&](pid_t pid) {
    return ('\0' + ReadOfProcess(pid, "environ")).find(marker) != std::string::npos;
  };
  // Again, for what forks meanwhile, and until those that were killed are gone.
  constexpr int kRounds = 100;
  for (int round = 0; round < kRounds && KillThose(is_marked) > 0; ++round) ::poll(nullptr, 0, 1);
}

bool EndShim(const std::string& attempt_directory) {
  const std::string path = attempt_directory + "/run";
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0 && errno == ENOENT) return true;
  const auto run = OpenDirectory(path);
  if (run && LockShim(run->get())) return true;
  KillShimsOf(attempt_directory);
  return false;
}

}  // namespace muster::agent
