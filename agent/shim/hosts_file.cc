#include "agent/shim/hosts_file.h"

#include <fcntl.h>
#include <sys/mount.h>

#include "agent/shim/files.h"
#include "agent/shim/unique_fd.h"

namespace muster::agent {
namespace {

constexpr char kMachineHosts[] = "/etc/hosts";
constexpr char kHostsName[] = "hosts";
constexpr std::size_t kHostsMaxBytes = 1U << 20;

}  // namespace

std::string HostsText(const std::vector<HostEntry>& hosts, const std::string& machine) {
  std::string text = "# the nodes of this job\n";
  for (const HostEntry& host : hosts) text += host.address + " " + host.name + "\n";
  return text + "# the machine's\n" + machine;
}

Status BindHosts(const LaunchFile& launch) {
  MUSTER_ASSIGN(const UniqueFd etc, OpenDirectory("/etc"));
  MUSTER_ASSIGN(const std::string machine, ReadFileAt(etc.get(), kHostsName, kHostsMaxBytes));
  const std::string run_path = launch.attempt_directory + "/run";
  MUSTER_ASSIGN(const UniqueFd run, OpenDirectory(run_path));
  MUSTER_TRY(WriteFileAt(run.get(), kHostsName, HostsText(launch.hosts, machine), 0644,
                         Durability::kRename));
  const std::string path = run_path + "/" + kHostsName;
  if (::mount(path.c_str(), kMachineHosts, nullptr, MS_BIND, nullptr) != 0)
    return Fail(SystemError(ErrorReason::kLaunch, "cannot put the gang's names into /etc/hosts"));
  return {};
}

}  // namespace muster::agent
