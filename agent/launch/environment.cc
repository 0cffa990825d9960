#include <algorithm>

#include "agent/launch/plan.h"
#include "muster/v1/agent.pb.h"

namespace muster::agent {
namespace {

constexpr char kPath[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

Environment BaseEnvironment(const NodeSetup& setup) {
  return {{"PATH", kPath},
          {"HOME", setup.attempt_directory + "/work"},
          {"TMPDIR", setup.attempt_directory + "/tmp"},
          {"LANG", "C.UTF-8"},
          {"MUSTER_ATTEMPT_DIRECTORY", setup.attempt_directory}};
}

std::string Joined(const v1::AttemptTask& task, const std::string& separator) {
  std::string text;
  for (const v1::GangNode& node : task.gang())
    text += (text.empty() ? "" : separator) + node.address();
  return text;
}

// What Azure Batch and Batch AI gave, so that scripts written for them find their peers.
void AddBatch(const AttemptId& id, const v1::AttemptTask& task, const NodeSetup& setup,
              Environment& environment) {
  const std::string& head = task.gang(0).address();
  std::string nodes = std::to_string(task.gang_size());
  for (const v1::GangNode& node : task.gang()) nodes += " " + node.address() + " 1";
  environment["AZ_BATCH_NODE_LIST"] = Joined(task, ";");
  environment["AZ_BATCH_HOST_LIST"] = Joined(task, ",");
  environment["AZ_BATCH_MASTER_NODE"] = head + ":" + std::to_string(task.master_port());
  environment["AZ_BATCH_IS_CURRENT_NODE_MASTER"] = task.node_rank() == 0 ? "true" : "false";
  environment["AZ_BATCH_JOB_ID"] = id.job.str();
  environment["AZ_BATCH_NODE_ID"] = setup.node.str();
  environment["CCP_NODES"] = nodes;
  environment["AZ_BATCHAI_MPI_MASTER_NODE"] = head;
  environment["AZ_BATCHAI_TASK_INDEX"] = std::to_string(task.node_rank());
}

// Behind what the user has set, whose modules are found first.
void AddPython(const NodeSetup& setup, Environment& environment) {
  if (setup.job_python_directory.empty()) return;
  std::string& path = environment["PYTHONPATH"];
  if (!path.empty()) path += ":";
  path += setup.job_python_directory;
}

void AddGang(const v1::AttemptTask& task, std::uint32_t per_node, Environment& environment) {
  const auto nodes = static_cast<std::uint32_t>(task.gang_size());
  environment["MASTER_ADDR"] = task.gang(0).address();
  environment["MASTER_PORT"] = std::to_string(task.master_port());
  environment["WORLD_SIZE"] = std::to_string(nodes * per_node);
  environment["LOCAL_WORLD_SIZE"] = std::to_string(per_node);
  environment["NODE_RANK"] = std::to_string(task.node_rank());
}

}  // namespace

std::uint32_t RanksOnMachine(const v1::AttemptTask& task) {
  const std::string& own = task.gang(static_cast<int>(task.node_rank())).address();
  const auto nodes = std::count_if(task.gang().begin(), task.gang().end(),
                                   [&](const auto& node) { return node.address() == own; });
  const v1::JobSpec& spec = task.spec();
  return static_cast<std::uint32_t>(nodes) *
         (spec.has_process_count_per_node() ? spec.process_count_per_node() : 1);
}

Environment JobEnvironment(const AttemptId& id, const v1::AttemptTask& task,
                           const NodeSetup& setup) {
  const v1::JobSpec& spec = task.spec();
  Environment environment = BaseEnvironment(setup);
  environment["PYTHONUNBUFFERED"] = "1";  // so that logs stream
  // Ranks that share a machine would each start a thread for every core.
  const std::uint32_t ranks = RanksOnMachine(task);
  if (ranks > 1 && setup.cores != 0) {
    environment["OMP_NUM_THREADS"] = std::to_string(std::max(1U, setup.cores / ranks));
  }
  for (const auto& [name, value] : spec.environment_variables()) environment[name] = value;
  environment["AZUREML_RUN_ID"] = id.job.str();
  environment["AZUREML_ROOT_RUN_ID"] = id.job.str();
  environment["AZUREML_ARM_WORKSPACE_NAME"] = task.workspace();
  environment["AZUREML_ARM_PROJECT_NAME"] = spec.experiment();
  environment["AZUREML_EXPERIMENT_NAME"] = spec.experiment();
  environment["MUSTER_WORKSPACE"] = task.workspace().empty() ? "default" : task.workspace();
  environment["MUSTER_TRACKING_DIR"] = setup.attempt_directory + "/tracking";
  AddPython(setup, environment);
  environment["MUSTER_ATTEMPT"] = std::to_string(id.number);
  environment["MUSTER_ATTEMPT_DIRECTORY"] = setup.attempt_directory;
  for (const v1::ResolvedData& data : task.data())
    environment["AZUREML_DATAREFERENCE_" + data.name()] =
        setup.attempt_directory + "/mounts/" + data.name();
  AddGang(task, spec.has_process_count_per_node() ? spec.process_count_per_node() : 1, environment);
  AddBatch(id, task, setup, environment);
  return environment;
}

Environment LauncherEnvironment(const NodeSetup& setup) {
  Environment environment = BaseEnvironment(setup);
  const std::string run = setup.attempt_directory + "/run";
  environment["PATH"] = setup.program_directory + ":" + kPath;
  environment["MUSTER_RUN_DIRECTORY"] = run;
  environment["MUSTER_RSH_SOCKET"] = run + "/rsh.sock";
  return environment;
}

}  // namespace muster::agent
