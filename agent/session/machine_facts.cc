// What this machine says about itself.
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pwd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <climits>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <thread>

#include "agent/session/config.h"

namespace muster::agent {
namespace {

std::string HostName() {
  std::array<char, HOST_NAME_MAX + 1> name{};
  if (gethostname(name.data(), name.size() - 1) != 0) return "node";
  return name.data();
}

std::optional<std::uint32_t> FindUid(const std::string& account) {
  std::array<char, 16384> buffer{};
  passwd entry{};
  passwd* found = nullptr;
  if (getpwnam_r(account.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0 || !found) {
    return std::nullopt;
  }
  return found->pw_uid;
}

std::string OwnUser() {
  std::array<char, 16384> buffer{};
  passwd entry{};
  passwd* found = nullptr;
  if (getpwuid_r(geteuid(), &entry, buffer.data(), buffer.size(), &found) != 0 || !found) return {};
  return found->pw_name;
}

// Connecting a datagram socket sends nothing; it only asks for the route.
std::optional<std::string> SourceAddress(const addrinfo& target) {
  const int fd = socket(target.ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return std::nullopt;
  sockaddr_storage own{};
  socklen_t length = sizeof(own);
  const bool known = connect(fd, target.ai_addr, target.ai_addrlen) == 0 &&
                     getsockname(fd, reinterpret_cast<sockaddr*>(&own), &length) == 0;
  close(fd);
  std::array<char, NI_MAXHOST> text{};
  if (!known || getnameinfo(reinterpret_cast<const sockaddr*>(&own), length, text.data(),
                            text.size(), nullptr, 0, NI_NUMERICHOST) != 0) {
    return std::nullopt;
  }
  return text.data();
}

Result<std::string> RouteAddress(const std::string& host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_DGRAM;
  addrinfo* list = nullptr;
  const int error = getaddrinfo(host.c_str(), "9", &hints, &list);
  if (error != 0) {
    return Fail(ErrorCode::kUnavailable, ErrorReason::kIo,
                "host " + host + " has no address: " + gai_strerror(error));
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(list, &freeaddrinfo);
  for (const addrinfo* target = list; target != nullptr; target = target->ai_next) {
    if (auto address = SourceAddress(*target)) return *address;
  }
  return Fail(ErrorCode::kUnavailable, ErrorReason::kIo, "there is no route to host " + host);
}

std::vector<std::string> ProgramDirectories() {
  std::error_code error;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return {};
  const auto directory = program.parent_path();
  return {directory.string(), (directory.parent_path() / "libexec" / "muster").string()};
}

// Of an installation; of a build, its source.
std::vector<std::string> JobPythonDirectories() {
  std::vector<std::string> directories = {MUSTER_JOB_PYTHON_SOURCE};
  std::error_code error;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
  if (!error) {
    const auto prefix = program.parent_path().parent_path();
    directories.insert(directories.begin(), (prefix / "share" / "muster" / "job-python").string());
  }
  return directories;
}

}  // namespace

MachineFacts ReadMachineFacts() {
  MachineFacts machine;
  machine.host_name = HostName();
  machine.cores = std::max(1U, std::thread::hardware_concurrency());
  machine.root = geteuid() == 0;
  machine.user = OwnUser();
  machine.program_directories = ProgramDirectories();
  machine.find_uid = FindUid;
  machine.route_address = RouteAddress;
  machine.is_executable = [](const std::string& path) { return access(path.c_str(), X_OK) == 0; };
  machine.job_python_directories = JobPythonDirectories();
  machine.is_directory = [](const std::string& path) {
    std::error_code error;
    return std::filesystem::is_directory(path, error);
  };
  if (const char* file = std::getenv("MUSTER_JOIN_TOKEN_FILE")) {
    machine.join_token_file_variable = file;
  }
  return machine;
}

}  // namespace muster::agent
