#include "agent/session/config.h"

#include <algorithm>
#include <cctype>
#include <charconv>

namespace muster::agent {
namespace {

constexpr std::uint64_t kMaxSlots = 1024;
constexpr std::size_t kMaxNodeIdBytes = 63;
constexpr std::size_t kMaxHostNameBytes = 63;
constexpr char kDefaultPort[] = "7677";
constexpr char kDefaultDirectory[] = "/var/lib/muster-agent";
constexpr char kDefaultInterpreter[] = "/usr/bin/python3";
constexpr std::uint64_t kDefaultDiskReserveBytes = 256ULL << 20;
constexpr std::uint64_t kDefaultBlobCacheBytes = 50ULL << 30;

bool IsNodeId(const std::string& text) {
  return !text.empty() && text.size() <= kMaxNodeIdBytes &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
         });
}

bool IsHostName(const std::string& text) {
  return !text.empty() && text.size() <= kMaxHostNameBytes && text.front() != '-' &&
         std::all_of(text.begin(), text.end(),
                     [](unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == '.'; });
}

// Host part of "host:port" or "[v6]:port"; empty if malformed.
std::string HostOf(const std::string& server) {
  const auto colon = server.rfind(':');
  if (colon == std::string::npos) return {};
  std::string host = server.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    return host.substr(1, host.size() - 2);
  }
  return host.find(':') == std::string::npos ? host : std::string{};
}

// Reads settings one by one and gathers what is wrong with them.
class Resolver {
 public:
  Resolver(const RawSettings& file, const RawSettings& flags, const MachineFacts& machine)
      : settings_(flags), machine_(machine) {
    settings_.insert(file.begin(), file.end());  // a flag that is there stays
  }

  Result<AgentConfig> Run() {
    AgentConfig config;
    config.server = Server();
    config.directory = AbsolutePath("directory", kDefaultDirectory);
    config.is_virtual = Text("virtual", "false") == "true";
    config.node = NodeId(Node());
    config.slots = static_cast<std::uint32_t>(
        Integer("slots", std::clamp<std::uint64_t>(machine_.cores, 1, kMaxSlots), 1, kMaxSlots));
    config.address = Address(config.server);
    config.host_name = HostName(config);
    config.interpreter = AbsolutePath("interpreter", kDefaultInterpreter);
    config.job_user = JobUser();
    config.program_directory = ProgramDirectory();
    config.job_python_directory = JobPythonDirectory();
    config.isolation = IsolationOfJobs();
    config.join_token_file = AbsolutePath("join_token_file", machine_.join_token_file_variable);
    config.disk_reserve_bytes =
        Integer("disk_reserve_bytes", kDefaultDiskReserveBytes, 0, 1ULL << 60);
    config.blob_cache_max_bytes =
        Integer("blob_cache_max_bytes", kDefaultBlobCacheBytes, 0, 1ULL << 60);
    const std::string level = Text("log_level", "info");
    if (!ParseLogLevel(level, config.log_level)) {
      AddFault("log_level", level, "must be debug, info, warning or error");
    }
    config.log_file = AbsolutePath("log_file", "");
    if (!faults_.empty()) return Fail(InvalidSpec(std::move(faults_)));
    return config;
  }

 private:
  void AddFault(const std::string& name, const std::string& value, const std::string& message) {
    faults_.push_back({name, value, message});
  }

  std::string Text(const std::string& name, const std::string& fallback) const {
    const auto found = settings_.find(name);
    return found == settings_.end() ? fallback : found->second;
  }

  std::uint64_t Integer(const std::string& name, std::uint64_t fallback, std::uint64_t low,
                        std::uint64_t high) {
    const auto found = settings_.find(name);
    if (found == settings_.end()) return fallback;
    const std::string& text = found->second;
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value < low || value > high) {
      AddFault(name, text,
               "must be an integer from " + std::to_string(low) + " to " + std::to_string(high));
      return fallback;
    }
    return value;
  }

  std::string AbsolutePath(const std::string& name, const std::string& fallback) {
    std::string path = Text(name, fallback);
    const bool unset = path.empty() && fallback.empty();
    if (!unset && (path.empty() || path.front() != '/')) {
      AddFault(name, path, "must be an absolute path");
    }
    return path;
  }

  std::string Server() {
    std::string server = Text("server", "");
    if (server.empty()) {
      AddFault("server", "", "must name the server as HOST:PORT");
      return server;
    }
    const bool bracketed = server.front() == '[' && server.back() == ']';
    if (bracketed || server.find(':') == std::string::npos)
      server += std::string(":") + kDefaultPort;
    const std::string port = server.substr(server.rfind(':') + 1);
    unsigned number = 0;
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
    const bool port_good =
        error == std::errc{} && end == port.data() + port.size() && number >= 1 && number <= 65535;
    if (!port_good || HostOf(server).empty()) {
      AddFault("server", server, "must be HOST:PORT, or [ADDRESS]:PORT for IPv6");
      return {};
    }
    return server;
  }

  std::string Node() {
    std::string node = Text("node_id", NodeIdFromHostName(machine_.host_name));
    if (!IsNodeId(node)) {
      AddFault("node_id", node, "must be 1 to 63 characters of a-z, 0-9 and -");
    }
    return node;
  }

  std::string Address(const std::string& server) {
    std::string given = Text("address", "");
    if (!given.empty() || server.empty()) return given;
    auto address = machine_.route_address(HostOf(server));
    if (address) return *address;
    AddFault("address", "",
             "could not be found out (" + address.error().message +
                 "); give the address that other nodes reach this one at");
    return {};
  }

  std::string HostName(const AgentConfig& config) {
    const std::string fallback = config.is_virtual ? config.node.str() : std::string{};
    const std::string name = Text("host_name", fallback);
    if (!name.empty() && !IsHostName(name)) {
      AddFault("host_name", name, "must be a host name of at most 63 characters");
    }
    return name == machine_.host_name ? std::string{} : name;
  }

  std::string JobUser() {
    const std::string given = Text("job_user", "");
    if (!machine_.root) {
      if (!given.empty() && given != machine_.user) {
        AddFault("job_user", given,
                 "only an agent that runs as root can start jobs as another account");
      }
      return {};
    }
    std::string user =
        !given.empty() ? given : (machine_.find_uid("muster-job") ? "muster-job" : "nobody");
    const auto uid = machine_.find_uid(user);
    if (!uid) {
      AddFault("job_user", user, "is no account of this machine");
    } else if (*uid == 0) {
      AddFault("job_user", user, "must not be root: jobs never run as root");
    }
    return user;
  }

  std::string ProgramDirectory() {
    const std::string given = Text("program_directory", "");
    std::vector<std::string> candidates = machine_.program_directories;
    if (!given.empty()) candidates = {given};
    for (const std::string& directory : candidates) {
      if (machine_.is_executable(directory + "/muster-shim")) return directory;
    }
    AddFault("program_directory", given,
             given.empty() ? "must be given: muster-shim is not beside muster-agent"
                           : "must be the directory that holds muster-shim");
    return {};
  }

  std::string JobPythonDirectory() {
    const std::string given = AbsolutePath("job_python_dir", "");
    if (!given.empty()) {
      if (!machine_.is_directory(given)) AddFault("job_python_dir", given, "is no directory");
      return given;
    }
    for (const std::string& directory : machine_.job_python_directories) {
      if (machine_.is_directory(directory)) return directory;
    }
    return {};
  }

  Isolation IsolationOfJobs() {
    const std::string text = Text("isolation", "auto");
    if (text == "namespaces") return Isolation::kNamespaces;
    if (text == "none") return Isolation::kNone;
    if (text != "auto") AddFault("isolation", text, "must be auto, namespaces or none");
    return Isolation::kAuto;
  }

  RawSettings settings_;
  const MachineFacts& machine_;
  std::vector<Fault> faults_;
};

}  // namespace

std::string NodeIdFromHostName(const std::string& host_name) {
  std::string id = host_name.substr(0, kMaxNodeIdBytes);
  for (char& c : id) {
    const auto byte = static_cast<unsigned char>(c);
    c = std::isalnum(byte) != 0 ? static_cast<char>(std::tolower(byte)) : '-';
  }
  return id;
}

Result<AgentConfig> ResolveConfig(const RawSettings& file, const RawSettings& flags,
                                  const MachineFacts& machine) {
  return Resolver(file, flags, machine).Run();
}

}  // namespace muster::agent
