#include "cli/spec_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "cli/submit_flags.h"
#include "tests/unit/cli/scratch.h"

namespace muster::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// As Azure ML's own SDK saves it for PyTorch(distributed_backend='mpi'), shortened.
constexpr char kRunConfig[] = R"(
script: train.py
arguments:
- --lr
- 0.1
- --epochs
- 3
target: gpu-cluster
framework: python
communicator: Mpi
maxRunDurationSeconds:
nodeCount: 2
priority:
environment:
  name: default-environment
  environmentVariables:
    NCCL_TREE_THRESHOLD: '0'
  python:
    userManagedDependencies: false
    interpreterPath: python
    condaDependenciesFile: aml_config/conda_dependencies.yml
    baseCondaEnvironment:
  docker:
    enabled: false
    baseImage: base-gpu:openmpi4.1.0
    sharedVolumes: true
  r:
history:
  outputCollection: true
docker:
  useDocker: false
mpi:
  processCountPerNode: 2
  nodeCount: 1
dataReferences:
  digits:
    dataStoreName: shared
    pathOnDataStore: sets/digits
    mode: download
    pathOnCompute:
    overwrite: true
command: ''
environmentVariables:
)";

TEST(SpecFile, ARunConfigIsReadAsItIs) {
  const auto file = ParseSpec(kRunConfig);
  ASSERT_TRUE(file) << file.error().message << file.error().faults.front().field;
  const v1::JobSpec& spec = file->spec;
  EXPECT_EQ(spec.script(), "train.py");
  EXPECT_THAT(spec.arguments(), ElementsAre("--lr", "0.1", "--epochs", "3"));
  EXPECT_EQ(spec.pool(), "gpu-cluster");
  EXPECT_EQ(spec.communicator(), v1::COMMUNICATOR_MPI);
  EXPECT_EQ(spec.node_count(), 2U);
  EXPECT_EQ(spec.process_count_per_node(), 2U);
  EXPECT_EQ(spec.environment_variables().at("NCCL_TREE_THRESHOLD"), "0");
  EXPECT_EQ(spec.environment().interpreter_path(), "");
  EXPECT_EQ(spec.environment().docker_image(), "");
  EXPECT_EQ(file->conda_file, "aml_config/conda_dependencies.yml");
  ASSERT_EQ(spec.data_references_size(), 1);
  EXPECT_EQ(spec.data_references(0).name(), "digits");
  EXPECT_EQ(spec.data_references(0).datastore(), "shared");
  EXPECT_EQ(spec.data_references(0).mode(), v1::DATA_MODE_DOWNLOAD);
  EXPECT_TRUE(spec.data_references(0).overwrite());
  EXPECT_THAT(file->without_effect,
              ElementsAre("environment.name", "environment.docker.sharedVolumes", "history",
                          "mpi.nodeCount"));
}

TEST(SpecFile, AnImageIsAskedForOnlyIfItIsWanted) {
  const char* const wanted = "environment: {docker: {baseImage: img}}\ndocker: {useDocker: true}";
  EXPECT_EQ(ParseSpec(wanted)->spec.environment().docker_image(), "img");
  const char* const unwanted = "environment: {docker: {baseImage: img, enabled: false}}";
  EXPECT_EQ(ParseSpec(unwanted)->spec.environment().docker_image(), "");
}

TEST(SpecFile, OwnNamesWorkToo) {
  const auto file = ParseSpec(
      "experiment: digits\nsource_directory: .\nscript: a.py\npool: small\nnode_count: 3\n"
      "process_count_per_node: 1\ncommunicator: gloo\nenvironment_variables: {A: 1, B: }\n"
      "data_references: [{name: d, datastore: s, path: p}]\npriority: -7\n"
      "restart_policy: {node_loss_retries: 2, lease_ms: 5000}\ngrace_period_ms: 0\n"
      "max_run_duration_ms: 60000\ntags: {team: x}\n");
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(file->spec.node_count(), 3U);
  EXPECT_EQ(file->spec.environment_variables().at("A"), "1");
  EXPECT_EQ(file->spec.environment_variables().at("B"), "");
  EXPECT_EQ(file->spec.data_references(0).path(), "p");
  EXPECT_EQ(file->spec.restart_policy().lease_ms(), 5000);
  EXPECT_TRUE(file->spec.has_grace_period_ms());
  EXPECT_EQ(file->spec.priority(), -7);
}

TEST(SpecFile, EveryFaultIsToldWithItsPlace) {
  const auto file = ParseSpec(
      "scirpt: a.py\nnode_count: two\narguments: --lr 1\ncommunicator: pigeon\n"
      "data_references: [{name: d, mode: teleport}]\nmpi: {processes: 2}\nscript: a\nscript: b\n"
      "command: ls\n");
  ASSERT_FALSE(file);
  EXPECT_THAT(file.error().message, HasSubstr("8 faults"));
  std::vector<std::string> fields;
  for (const Fault& fault : file.error().faults) fields.push_back(fault.field);
  EXPECT_THAT(fields, ElementsAre("scirpt", "node_count", "arguments", "communicator",
                                  "data_references[0].mode", "mpi.processes", "script", "command"));
  EXPECT_THAT(file.error().faults[0].message, HasSubstr("known here: "));
  EXPECT_THAT(file.error().faults[0].message, HasSubstr(" script,"));
  EXPECT_THAT(file.error().faults[5].message, HasSubstr("known here: processCountPerNode"));
}

TEST(SpecFile, WhatIsNoYamlSaysWhere) {
  const auto file = ParseSpec("script: a.py\narguments: [--lr\n");
  ASSERT_FALSE(file);
  EXPECT_THAT(file.error().message, HasSubstr("line 3"));
  EXPECT_FALSE(ParseSpec("- a list"));
  EXPECT_TRUE(ParseSpec(""));
}

TEST(SpecFile, CondaPackagesArePassedOnUnlessTheUserManagesThem) {
  v1::EnvironmentSpec environment;
  ASSERT_TRUE(ParseCondaFile(
      "channels: [conda-forge]\ndependencies:\n- python=3.8\n- pip: [horovod, mpi4py]\n",
      environment));
  EXPECT_THAT(environment.conda_packages(), ElementsAre("python=3.8"));
  EXPECT_THAT(environment.pip_packages(), ElementsAre("horovod", "mpi4py"));
  const auto managed = ParseSpec(
      "environment: {python: {userManagedDependencies: true, condaDependenciesFile: x.yml}}");
  EXPECT_EQ(managed->conda_file, "");
}

TEST(SpecFile, FlagsWinOverTheFile) {
  const Scratch scratch;
  scratch.Write("job.yaml",
                "experiment: digits\nsource_directory: src\nscript: a.py\nnode_count: 2\n"
                "arguments: [a]\nenvironment_variables: {A: 1, B: 2}\n"
                "data_references: [{name: d, datastore: s, path: old}]\n");
  SubmitFlags flags;
  flags.file = scratch.Path("job.yaml").string();
  flags.node_count = 4;
  flags.environment = {"B=3"};
  flags.data = {"d=s/new"};
  flags.script_arguments = {"b", "c"};
  const auto draft = DraftJob(flags);
  ASSERT_TRUE(draft) << draft.error().message;
  EXPECT_EQ(draft->source_directory, scratch.Path("src").string());
  EXPECT_EQ(draft->spec.node_count(), 4U);
  EXPECT_THAT(draft->spec.arguments(), ElementsAre("b", "c"));
  EXPECT_EQ(draft->spec.environment_variables().at("A"), "1");
  EXPECT_EQ(draft->spec.environment_variables().at("B"), "3");
  ASSERT_EQ(draft->spec.data_references_size(), 1);
  EXPECT_EQ(draft->spec.data_references(0).path(), "new");
}

TEST(SpecFile, AMissingFileIsNamed) {
  const auto file = ReadSpecFile("/nowhere/job.yaml");
  ASSERT_FALSE(file);
  EXPECT_THAT(file.error().message, HasSubstr("/nowhere/job.yaml"));
}

}  // namespace
}  // namespace muster::cli
