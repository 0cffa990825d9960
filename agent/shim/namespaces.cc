#include "agent/shim/namespaces.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "agent/shim/files.h"
#include "agent/shim/hosts_file.h"
#include "agent/shim/unique_fd.h"

namespace muster::agent {
namespace {

tl::unexpected<Error> Failed(const std::string& what) {
  return Fail(SystemError(ErrorReason::kLaunch, what));
}

Status WriteTo(const char* path, const std::string& text) {
  UniqueFd fd(::open(path, O_WRONLY | O_CLOEXEC));
  if (!fd || !WriteAll(fd.get(), text)) return Failed(std::string("cannot write ") + path);
  return {};
}

std::string Identity(unsigned id) { return std::to_string(id) + " " + std::to_string(id) + " 1"; }

// The attempt's own view of the descriptor, whatever hides its path.
std::string PathOf(const UniqueFd& fd) { return "/proc/self/fd/" + std::to_string(fd.get()); }

Status BindReadOnly(const std::string& source, const std::string& target) {
  mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_RDONLY;
  if (::mount(source.c_str(), target.c_str(), nullptr, MS_BIND | MS_REC, nullptr) != 0)
    return Failed("cannot bind " + source);
  if (::mount_setattr(AT_FDCWD, target.c_str(), AT_RECURSIVE, &attributes, sizeof(attributes)) !=
      0) {
    const auto error = Failed("cannot make " + source + " read-only");
    ::umount2(target.c_str(), MNT_DETACH);
    return error;
  }
  return {};
}

Status LinkOne(const DataMount& mount, const std::string& target) {
  if (::symlink(mount.source.c_str(), target.c_str()) == 0) return {};
  ::rmdir(target.c_str());
  ::unlink(target.c_str());
  if (::symlink(mount.source.c_str(), target.c_str()) != 0)
    return Failed("cannot link data reference \"" + mount.name + "\"");
  return {};
}

bool IsBeneath(const std::string& path, const std::string& directory) {
  return path.size() > directory.size() && path.compare(0, directory.size(), directory) == 0 &&
         path[directory.size()] == '/';
}

// Makes the directories of `path` that lie below `root`.
void MakeDirectories(const std::string& root, const std::string& path) {
  for (std::size_t slash = root.size(); slash != std::string::npos;) {
    slash = path.find('/', slash + 1);
    ::mkdir(path.substr(0, slash).c_str(), 0755);
  }
}

// An empty directory over the node's, with the attempt and the programs back in their places.
Status HideNodeDirectory(const LaunchFile& launch) {
  std::vector<std::pair<std::string, UniqueFd>> kept;
  for (const std::string& path : {launch.attempt_directory, launch.program_directory}) {
    if (!IsBeneath(path, launch.node_directory)) continue;
    UniqueFd fd(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!fd) return Failed("cannot open " + path);
    kept.emplace_back(path, std::move(fd));
  }
  if (::mount("muster", launch.node_directory.c_str(), "tmpfs", MS_NOSUID | MS_NODEV,
              "size=64k,mode=0755") != 0)
    return Failed("cannot hide " + launch.node_directory);
  for (const auto& [path, fd] : kept) {
    MakeDirectories(launch.node_directory, path);
    if (::mount(PathOf(fd).c_str(), path.c_str(), nullptr, MS_BIND | MS_REC, nullptr) != 0)
      return Failed("cannot bind " + path);
  }
  ::mount(nullptr, launch.node_directory.c_str(), nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY,
          nullptr);
  return {};
}

Status MountOwn() {
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0)
    return Failed("cannot part from the machine's mounts");
  if (::mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) != 0)
    return Failed("cannot mount /proc");
  // Open MPI names its segments by host name and process number, which repeat between attempts.
  if (::mount("shm", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777") != 0 &&
      errno != ENOENT)
    return Failed("cannot mount /dev/shm");
  return {};
}

int ProbeInChild() {
  if (!UnshareNamespaces()) return 1;
  const pid_t pid = ::fork();
  if (pid < 0) return 1;
  if (pid == 0) ::_exit(MountOwn() ? 0 : 1);
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

}  // namespace

Status UnshareNamespaces() {
  const uid_t uid = ::geteuid();
  const gid_t gid = ::getegid();
  const int flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC;
  if (::unshare(uid == 0 ? flags : flags | CLONE_NEWUSER) != 0)
    return Failed("cannot make namespaces");
  if (uid == 0) return {};
  MUSTER_TRY(WriteTo("/proc/self/setgroups", "deny"));
  MUSTER_TRY(WriteTo("/proc/self/uid_map", Identity(uid)));
  return WriteTo("/proc/self/gid_map", Identity(gid));
}

Status SetUpNamespaces(const LaunchFile& launch) {
  MUSTER_TRY(MountOwn());
  if (!launch.host_name.empty() &&
      ::sethostname(launch.host_name.c_str(), launch.host_name.size()) != 0)
    return Failed("cannot set the host name " + launch.host_name);
  for (const DataMount& mount : launch.data) {
    const std::string target = launch.attempt_directory + "/mounts/" + mount.name;
    if (!BindReadOnly(mount.source, target)) MUSTER_TRY(LinkOne(mount, target));
  }
  if (!launch.hosts.empty()) {
    // The job has the addresses in its variables all the same.
    if (const Status bound = BindHosts(launch); !bound)
      ::dprintf(STDERR_FILENO, "%s\n", bound.error().message.c_str());
  }
  return launch.node_directory.empty() ? Status() : HideNodeDirectory(launch);
}

Status LinkData(const LaunchFile& launch) {
  for (const DataMount& mount : launch.data)
    MUSTER_TRY(LinkOne(mount, launch.attempt_directory + "/mounts/" + mount.name));
  return {};
}

bool ProbeNamespaces() {
  const pid_t pid = ::fork();
  if (pid < 0) return false;
  if (pid == 0) ::_exit(ProbeInChild());
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace muster::agent
