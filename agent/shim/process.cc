#include "agent/shim/process.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "agent/shim/unique_fd.h"

namespace muster::agent {
namespace {

enum class Step : int { kDescriptors, kAccount, kDirectory, kExecute };
struct Report {
  int error;
  Step step;
};

std::vector<char*> Pointers(const std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  pointers.reserve(strings.size() + 1);
  for (const std::string& text : strings) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

bool BecomeAccount(const Credentials& account) {
  return ::setgroups(account.groups.size(), account.groups.data()) == 0 &&
         ::setresgid(account.gid, account.gid, account.gid) == 0 &&
         ::setresuid(account.uid, account.uid, account.uid) == 0;
}

void ResetSignals() {
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  for (const int signal : {SIGPIPE, SIGINT, SIGTERM, SIGHUP, SIGCHLD})
    ::sigaction(signal, &action, nullptr);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

// In the child: async-signal-safe calls only. Returns only on failure.
Report Become(const ProcessSpec& spec, char* const* argv, char* const* environment) {
  if (spec.new_session) {
    ::setsid();
  } else {
    ::setpgid(0, 0);
  }
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null < 0 || ::dup2(null, 0) < 0 || ::dup2(spec.output, 1) < 0 || ::dup2(spec.output, 2) < 0 ||
      ::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) != 0)
    return {errno, Step::kDescriptors};
  if (spec.credentials != nullptr && !BecomeAccount(*spec.credentials))
    return {errno, Step::kAccount};
  // After the change of account, which clears the first of them.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  ::umask(022);
  if (::chdir(spec.directory.c_str()) != 0) return {errno, Step::kDirectory};
  ResetSignals();
  ::execve(spec.program.c_str(), argv, environment);
  return {errno, Step::kExecute};
}

StartFailure Explain(const ProcessSpec& spec, const Report& report) {
  const std::string why = std::strerror(report.error);
  switch (report.step) {
    case Step::kDescriptors:
      return {126, "cannot set up the descriptors of " + spec.program + ": " + why};
    case Step::kAccount:
      return {126, "cannot become uid " + std::to_string(spec.credentials->uid) + ": " + why};
    case Step::kDirectory:
      return {126, "the job's account cannot enter " + spec.directory + ": " + why};
    case Step::kExecute:
      break;
  }
  if (report.error == ENOENT && ::access(spec.program.c_str(), F_OK) != 0)
    return {127, spec.program + " does not exist on this node"};
  if (report.error == ENOENT)
    return {127, "the interpreter in the first line of " + spec.program + " does not exist"};
  if (report.error == ENOEXEC)
    return {126, spec.program + " is neither a binary of this machine nor begins with #!"};
  if (report.error == EACCES)
    return {126, spec.program + " is not executable for the job's account: " + why};
  return {126, "cannot execute " + spec.program + ": " + why};
}

}  // namespace

tl::expected<pid_t, StartFailure> StartProcess(const ProcessSpec& spec) {
  const std::vector<char*> argv = Pointers(spec.argv);
  const std::vector<char*> environment = Pointers(spec.environment);
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    return tl::unexpected(StartFailure{126, std::string("pipe: ") + std::strerror(errno)});
  UniqueFd reader(ends[0]);
  UniqueFd writer(ends[1]);
  const pid_t pid = ::fork();
  if (pid < 0)
    return tl::unexpected(StartFailure{126, std::string("fork: ") + std::strerror(errno)});
  if (pid == 0) {
    const Report report = Become(spec, argv.data(), environment.data());
    [[maybe_unused]] const ssize_t put = ::write(writer.get(), &report, sizeof(report));
    ::_exit(127);
  }
  writer.Reset();
  Report report{};
  ssize_t got = 0;
  do {
    got = ::read(reader.get(), &report, sizeof(report));
  } while (got < 0 && errno == EINTR);
  if (got != sizeof(report)) return pid;
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  return tl::unexpected(Explain(spec, report));
}

}  // namespace muster::agent
