#include <algorithm>

#include "agent/launch/plan.h"
#include "muster/v1/agent.pb.h"

namespace muster::agent {
namespace {

constexpr int kConcurrentStarts = 128;  // Open MPI's default

void AddParameter(std::vector<std::string>& command, const char* name, std::string value) {
  command.insert(command.end(), {"--mca", name, std::move(value)});
}

// "n1:2,n2:2", the head first. Without namespaces the head goes by the machine's name, since it
// can't be given another.
std::string HostList(const v1::AttemptTask& task, const NodeSetup& setup,
                     const std::string& slots) {
  std::string hosts;
  for (const v1::GangNode& node : task.gang()) {
    const bool own_name = hosts.empty() && !setup.namespaces && !setup.machine_host_name.empty();
    const std::string& name = own_name ? setup.machine_host_name : node.node_id();
    hosts += (hosts.empty() ? "" : ",") + name + ":" + slots;
  }
  return hosts;
}

void AddNetwork(const v1::AttemptTask& task, const NodeSetup& setup,
                std::vector<std::string>& command) {
  std::vector<std::string> addresses;
  for (const v1::GangNode& node : task.gang()) addresses.push_back(node.address());
  const std::string network = ChooseNetwork(addresses, setup.networks);
  if (network.empty()) return;
  AddParameter(command, "oob_tcp_if_include", network);
  AddParameter(command, "btl_tcp_if_include", network);
}

}  // namespace

std::vector<std::string> MpirunCommand(const v1::AttemptTask& task, const NodeSetup& setup) {
  const v1::JobSpec& spec = task.spec();
  const std::uint32_t per_node =
      spec.has_process_count_per_node() ? spec.process_count_per_node() : 1;
  const auto nodes = static_cast<std::uint32_t>(task.gang_size());
  std::vector<std::string> command = {"mpirun"};
  if (setup.as_root) command.push_back("--allow-run-as-root");
  // Found on PATH, whose first entry is our programs' directory: differs from node to node.
  AddParameter(command, "plm_rsh_agent", "muster-rsh");
  // All orteds are asked for from here and stay in the foreground, where their shims hold them.
  AddParameter(command, "plm_rsh_no_tree_spawn", "1");
  command.push_back("--leave-session-attached");
  AddParameter(command, "plm_rsh_num_concurrent",
               std::to_string(std::max(kConcurrentStarts, task.gang_size())));
  AddNetwork(task, setup, command);
  // A node that is cut off is noticed within seconds.
  AddParameter(command, "oob_tcp_keepalive_time", "2");
  AddParameter(command, "oob_tcp_keepalive_intvl", "1");
  AddParameter(command, "oob_tcp_keepalive_probes", "3");
  AddParameter(command, "odls_base_sigkill_timeout", "0");
  AddParameter(command, "orte_keep_fqdn_hostnames", "1");
  // Node ids are no names of the network's: a name server that is slow to say so delays the start
  // by seconds.
  AddParameter(command, "if_base_do_not_resolve", "1");
  command.insert(command.end(), {"--bind-to", "none"});
  // mpirun counts cores by node, and can't see that virtual nodes share them: ranks that wait must
  // let others run.
  if (setup.cores != 0 && RanksOnMachine(task) > setup.cores) {
    AddParameter(command, "mpi_yield_when_idle", "1");
  }
  AddParameter(command, "pml", "ob1");
  // Processes that share a host name but not a machine's memory would take each other for
  // neighbours.
  AddParameter(command, "btl", setup.namespaces ? "self,vader,tcp" : "self,tcp");
  command.insert(command.end(), {"-host", HostList(task, setup, std::to_string(per_node)), "-n",
                                 std::to_string(nodes * per_node), "muster-shim", "rank"});
  return command;
}

}  // namespace muster::agent
