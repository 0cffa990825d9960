// muster-shim attempt DIRECTORY: holds the processes of one attempt on this node.
// muster-shim rank: the wrapper that mpirun and orted start for each rank.
// muster-shim probe: ends with 0 where namespaces can be made.
#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <string>
#include <string_view>

#include "agent/shim/files.h"
#include "agent/shim/namespaces.h"
#include "agent/shim/rank_wrapper.h"
#include "agent/shim/spawn_protocol.h"
#include "agent/shim/supervisor.h"

namespace muster::agent {
namespace {

int Complain(const Error& error) {
  std::fprintf(stderr, "muster-shim: %s\n", error.message.c_str());
  return 1;
}

// The supervisor is a child of this process: the first process of its PID namespace, and nobody's
// child that the agent would have to know. Its number, as the agent sees it, goes to the agent
// first.
int RunAttempt(const std::string& directory) {
  ::close_range(kShimFirstFreeFd, ~0U, 0);
  ::fcntl(kShimConnectionFd, F_SETFD, FD_CLOEXEC);
  ::fcntl(kShimLockFd, F_SETFD, FD_CLOEXEC);
  UniqueFd connection(kShimConnectionFd);

  const auto run = OpenDirectory(directory + "/run");
  if (!run) return Complain(run.error());
  const auto text = ReadFileAt(run->get(), kLaunchFileName, kLaunchFileMaxBytes);
  if (!text) return Complain(text.error());
  auto launch = ParseLaunchFile(*text);
  if (!launch) return Complain(launch.error());
  if (launch->namespaces) {
    const Status unshared = UnshareNamespaces();
    if (!unshared) return Complain(unshared.error());
  }
  const pid_t pid = ::fork();
  if (pid < 0) return Complain(SystemError(ErrorReason::kLaunch, "fork"));
  if (pid == 0) return Supervisor(std::move(*launch), std::move(connection)).Run();
  ShimEvent event;
  event.kind = ShimEvent::Kind::kSupervisor;
  event.pid = pid;
  const std::string line = ToLine(event);
  ::send(connection.get(), line.data(), line.size(), MSG_NOSIGNAL);
  // At once: what runs at a usual exit could start a thread or a process, which would be in the new
  // PID namespace, a child of ours, and keep it from ending.
  ::_exit(0);
}

int Main(int argc, char** argv) {
  const std::string_view verb = argc > 1 ? argv[1] : "";
  if (verb == "attempt" && argc == 3) return RunAttempt(argv[2]);
  if (verb == "rank") return RunRankWrapper();
  if (verb == "probe") return ProbeNamespaces() ? 0 : 1;
  std::fprintf(stderr, "muster-shim is started by muster-agent and by mpirun\n");
  return 2;
}

}  // namespace
}  // namespace muster::agent

int main(int argc, char** argv) { return muster::agent::Main(argc, argv); }
