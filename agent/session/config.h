// The agent's settings: flags over the TOML file over defaults that the machine gives.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/exec/runner.h"
#include "base/ids.h"
#include "base/log.h"
#include "base/result.h"

namespace muster::agent {

struct AgentConfig {
  std::string server;     // "host:port"
  std::string directory;  // of this node, absolute
  NodeId node;
  std::uint32_t slots = 1;
  std::string address;    // where the other nodes of a gang reach this one
  std::string host_name;  // inside attempts; empty: the machine's own
  bool is_virtual = false;
  std::string interpreter;
  std::string job_user;  // empty unless the agent is root
  std::string program_directory;
  std::string job_python_directory;  // empty: none is there
  Isolation isolation = Isolation::kAuto;
  std::string join_token_file;  // empty: none
  std::uint64_t disk_reserve_bytes = 0;
  std::uint64_t blob_cache_max_bytes = 0;
  LogLevel log_level = LogLevel::kInfo;
  std::string log_file;  // empty: stderr
};

// Settings as given, by name ("node_id"), before any check of their values.
using RawSettings = std::map<std::string, std::string>;

struct CommandLine {
  RawSettings settings;
  std::string config_file;       // empty: none was named
  std::optional<int> exit_code;  // help, version or a mistake: it has been printed
};
// The token itself has no flag: an argument is readable by every user of the machine.
CommandLine ParseCommandLine(int argc, const char* const* argv);

// INVALID_ARGUMENT with a fault for every unknown name and wrong type; NOT_FOUND if there is no
// such file.
Result<RawSettings> ReadConfigFile(const std::string& path);

// What defaults and checks need to know about the machine.
struct MachineFacts {
  std::string host_name;
  std::uint32_t cores = 1;
  bool root = false;
  std::string user;  // whom the agent runs as
  // In this order: where muster-shim is looked for when no program_directory is given.
  std::vector<std::string> program_directories;
  // The same for the modules of scripts: the first that is a directory.
  std::vector<std::string> job_python_directories;
  std::function<std::optional<std::uint32_t>(const std::string& account)> find_uid;
  // Own address on the way to a host.
  std::function<Result<std::string>(const std::string& host)> route_address;
  std::function<bool(const std::string& path)> is_executable;
  std::function<bool(const std::string& path)> is_directory;
  std::string join_token_file_variable;  // value of MUSTER_JOIN_TOKEN_FILE; empty: unset
};
MachineFacts ReadMachineFacts();

// Merges, fills in defaults and checks. Reports all faults at once, each under the setting's name.
Result<AgentConfig> ResolveConfig(const RawSettings& file, const RawSettings& flags,
                                  const MachineFacts& machine);

// "node-1", from any host name: lower case, other characters replaced by "-", at most 63.
std::string NodeIdFromHostName(const std::string& host_name);

}  // namespace muster::agent
