#include "agent/launch/plan.h"

#include <arpa/inet.h>

#include "muster/v1/agent.pb.h"

namespace muster::agent {
namespace {

std::uint32_t ProcessesPerNode(const v1::JobSpec& spec) {
  return spec.has_process_count_per_node() ? spec.process_count_per_node() : 1;
}

bool IsNumeric(const std::string& address) {
  in6_addr parsed{};
  return ::inet_pton(AF_INET, address.c_str(), &parsed) == 1 ||
         ::inet_pton(AF_INET6, address.c_str(), &parsed) == 1;
}

bool IsPython(const std::string& script) {
  return script.size() > 3 && script.compare(script.size() - 3, 3, ".py") == 0;
}

// Of a gang of several nodes; an address that is itself a name is for the machine's resolver.
std::vector<HostEntry> HostsOf(const v1::AttemptTask& task) {
  std::vector<HostEntry> hosts;
  if (task.gang_size() < 2) return hosts;
  for (const v1::GangNode& node : task.gang())
    if (IsNumeric(node.address())) hosts.push_back({node.node_id(), node.address()});
  return hosts;
}

Result<LaunchMode> ModeOf(const v1::AttemptTask& task) {
  const auto one_process = task.gang_size() == 1 && ProcessesPerNode(task.spec()) == 1;
  switch (task.spec().communicator()) {
    case v1::COMMUNICATOR_MPI:
      return task.node_rank() == 0 ? LaunchMode::kMpirun : LaunchMode::kDaemon;
    case v1::COMMUNICATOR_GLOO:
    case v1::COMMUNICATOR_NCCL:
      return LaunchMode::kRanks;
    case v1::COMMUNICATOR_PARAMETER_SERVER:
      return Fail(ErrorCode::kUnimplemented, ErrorReason::kLaunch,
                  "communicator parameter_server is not supported yet; use mpi, gloo or nccl");
    case v1::COMMUNICATOR_NONE:
    case v1::COMMUNICATOR_UNSPECIFIED:
      if (one_process) return LaunchMode::kRanks;
      return Fail(ErrorCode::kFailedPrecondition, ErrorReason::kLaunch,
                  "several processes need a communicator: mpi, gloo or nccl");
    case v1::Communicator_INT_MIN_SENTINEL_DO_NOT_USE_:
    case v1::Communicator_INT_MAX_SENTINEL_DO_NOT_USE_:
      break;
  }
  return Fail(ErrorCode::kUnimplemented, ErrorReason::kLaunch,
              "this agent does not know communicator " +
                  std::to_string(static_cast<int>(task.spec().communicator())));
}

}  // namespace

Result<LaunchFile> PlanLaunch(const AttemptId& id, const v1::AttemptTask& task,
                              const NodeSetup& setup) {
  const v1::JobSpec& spec = task.spec();
  if (task.gang().empty() || task.node_rank() >= static_cast<std::uint32_t>(task.gang_size()))
    return Fail(ErrorCode::kFailedPrecondition, ErrorReason::kLaunch,
                "the task does not place this node in its gang");
  LaunchFile launch;
  MUSTER_ASSIGN(launch.mode, ModeOf(task));
  launch.attempt = ToString(id);
  launch.node = setup.node.str();
  launch.attempt_directory = setup.attempt_directory;
  launch.node_directory = setup.node_directory;
  launch.program_directory = setup.program_directory;
  launch.namespaces = setup.namespaces;
  launch.credentials = setup.credentials;
  launch.rank_log_max_bytes = setup.rank_log_max_bytes;
  // mpirun knows its own node by its host name.
  launch.host_name =
      spec.communicator() == v1::COMMUNICATOR_MPI ? setup.node.str() : setup.host_name;
  for (const v1::GangNode& node : task.gang()) launch.gang.push_back(node.node_id());
  if (setup.namespaces) launch.hosts = HostsOf(task);
  launch.rank_count = ProcessesPerNode(spec);
  launch.world_size = launch.rank_count * static_cast<std::uint32_t>(task.gang_size());
  launch.first_rank = launch.rank_count * task.node_rank();
  launch.environment = JobEnvironment(id, task, setup);
  if (IsPython(spec.script()))
    launch.interpreter = spec.environment().interpreter_path().empty()
                             ? setup.interpreter
                             : spec.environment().interpreter_path();
  launch.script = spec.script();
  launch.arguments.assign(spec.arguments().begin(), spec.arguments().end());
  for (const v1::ResolvedData& data : task.data())
    launch.data.push_back({data.name(), data.local_path()});
  if (launch.mode == LaunchMode::kMpirun) launch.launcher = MpirunCommand(task, setup);
  if (launch.mode != LaunchMode::kRanks) launch.launcher_environment = LauncherEnvironment(setup);
  return launch;
}

}  // namespace muster::agent
