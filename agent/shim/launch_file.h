// run/launch.json: all that a shim and its rank wrappers need to know. Written by the agent before
// the shim starts, never changed; readable for the job's account.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/shim/lease.h"
#include "base/result.h"

namespace muster::agent {

// The account of the job's processes.
struct Credentials {
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;
};

// A directory or file of the node that the job sees read-only at mounts/<name>.
struct DataMount {
  std::string name;
  std::string source;
};

// A name that the job's processes can look up, and its address in digits.
struct HostEntry {
  std::string name;
  std::string address;
  friend bool operator==(const HostEntry&, const HostEntry&) = default;
};

enum class LaunchMode : std::uint8_t {
  kRanks,   // the shim is the parent of the ranks
  kMpirun,  // the head of an MPI gang: the shim starts mpirun
  kDaemon,  // another node of an MPI gang: waits for the request to start orted
};

using Environment = std::map<std::string, std::string>;

struct LaunchFile {
  std::string attempt;  // for messages
  std::string node;
  std::string attempt_directory;
  // Hidden from the job but for its own attempt and the programs; empty: nothing is hidden.
  std::string node_directory;
  std::string program_directory;
  std::string host_name;  // empty: the machine's
  bool namespaces = true;
  std::optional<Credentials> credentials;  // absent: those of the agent

  LaunchMode mode = LaunchMode::kRanks;
  std::vector<std::string> gang;  // node ids in node-rank order
  std::uint32_t world_size = 1;
  std::uint32_t first_rank = 0;  // of this node
  std::uint32_t rank_count = 1;  // of this node

  Environment environment;             // of every rank, but for RANK and LOCAL_RANK
  std::string interpreter;             // empty: the script is executed itself
  std::string script;                  // relative to work/
  std::vector<std::string> arguments;  // not yet expanded

  std::vector<std::string> launcher;  // mpirun's command line
  Environment launcher_environment;   // of mpirun or orted
  std::vector<DataMount> data;
  std::vector<HostEntry> hosts;  // over those of the machine; empty: nothing is added
  std::uint64_t rank_log_max_bytes = 0;
  ShimLease lease;  // at the start; the agent renews it over control.sock
};

constexpr std::size_t kLaunchFileMaxBytes = 16U << 20;
constexpr char kLaunchFileName[] = "launch.json";

std::string ToJson(const LaunchFile& launch);
Result<LaunchFile> ParseLaunchFile(const std::string& text);

// "70_driver_log.txt", or "70_driver_log_<rank>.txt" when there are several.
std::string RankLogName(std::uint32_t world_size, std::uint32_t rank);
constexpr char kMpiLogName[] = "70_mpi_log.txt";

}  // namespace muster::agent
