#include "cli/spec_file.h"

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include <fstream>

#include "cli/submit_flags.h"
#include "tests/unit/cli/scratch.h"

namespace muster::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

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
  EXPECT_EQ(spec.framework(), "Python");
  EXPECT_THAT(file->without_effect, IsEmpty());
}

TEST(SpecFile, OldAndNewKeysMeanTheSame) {
  struct Case {
    const char *yaml, *spec;  // fields of JobSpec besides framework, in text form
  };
  const std::vector<Case> cases = {
      {"", ""},
      {"target: local", ""},
      {"target: gpu", "pool: 'gpu'"},
      {"batchai: {nodeCount: 3, clusterName: x}", "node_count: 3"},
      {"communicator: PythonMPI", "communicator: COMMUNICATOR_MPI"},
      {"framework: PythonMPI", "communicator: COMMUNICATOR_MPI"},
      {"communicator: Gloo\nframework: PythonMPI", "communicator: COMMUNICATOR_GLOO"},
      {"framework: python", ""},
      {"framework: CNTK", nullptr},
      {"mpi: {processCountPerNode: '4', nodeCount: 9}", "process_count_per_node: 4"},
      {"communicator: Nccl\nnodeCount: 2\npytorch: {processCount: 8}\nmpi: {processCountPerNode: "
       "3}",
       "node_count: 2 process_count_per_node: 4 communicator: COMMUNICATOR_NCCL"},
      {"communicator: Nccl\nnodeCount: 2\npytorch: {processCount: 7}", nullptr},
      {"communicator: Mpi\npytorch: {processCount: 8}", "communicator: COMMUNICATOR_MPI"},
      {"environmentVariables: {A: top}\nenvironment: {environmentVariables: {A: below, B: 1}}",
       "environment_variables {key: 'A' value: 'top'} environment_variables {key: 'B' value: '1'}"},
      {"arguments: [--lr, 0.10, true, '', ]", "arguments: ['--lr', '0.10', 'true', '']"},
      {"arguments:\n- a\n-\n", "arguments: ['a', '']"},
      {"arguments: [é, null, ~, Null, ]\ntags: {a: ~}",
       "arguments: ['é', 'null', '~', 'Null'] tags {key: 'a' value: ''}"},
      {"arguments:\n-\n- ~\n-  # nothing\nscript: null.py",
       "arguments: ['', '~', ''] script: 'null.py'"},
      {"maxRunDurationSeconds: 60", "max_run_duration_ms: 60000"},
      {"maxRunDurationSeconds: 0", nullptr},
      {"dataReferences: {d: {dataStoreName: s, mode: Download, pathOnDataStore: /a//./b/, "
       "pathOnCompute: ./x/}}",
       "data_references {name: 'd' datastore: 's' path: 'a/b' mode: DATA_MODE_DOWNLOAD "
       "path_on_compute: 'x'}"},
      {"dataReferences: {d: {dataStoreName: s}}",
       "data_references {name: 'd' datastore: 's' mode: DATA_MODE_MOUNT path: '' "
       "path_on_compute: ''}"},
      {"target: amlcompute\namlcompute: {vmSize: STANDARD_NC6}", nullptr},
      {"data: {d: {dataLocation: x}}", nullptr},
      {"outputData: {}\ndatacaches: []\ndata:", ""},
      {"command: ''", ""},
      {"command: [python, train.py]", nullptr},
      {"environment: {python: {interpreterPath: /opt/python}}",
       "environment {interpreter_path: '/opt/python'}"},
      {"environment: {python: {interpreterPath: venv/bin/python}}", nullptr},
      {"history: {outputCollection: false}\nspark: {configuration: {a: b}}\nhdi: {yarnDeployMode: "
       "cluster}\ntensorflow: {workerCount: 2}\nautoPrepareEnvironment: true",
       ""},
      {"{\"arguments\": [\"\\ud83d\\ude00\\u00e9\\\\ud83d\\n\"]}",
       "arguments: '\360\237\230\200\303\251\\\\ud83d\\n'"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.yaml);
    const auto file = ParseSpec(c.yaml);
    EXPECT_EQ(file.has_value(), c.spec != nullptr);
    if (!file || c.spec == nullptr) continue;
    v1::JobSpec expected;
    ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(c.spec, &expected));
    expected.set_framework("Python");
    expected.mutable_environment();
    if (expected.communicator() == v1::COMMUNICATOR_UNSPECIFIED) {
      expected.set_communicator(v1::COMMUNICATOR_NONE);
    }
    if (!expected.has_node_count()) expected.set_node_count(1);
    if (!expected.has_process_count_per_node()) expected.set_process_count_per_node(1);
    EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(file->spec, expected))
        << file->spec.DebugString();
  }
}

TEST(SpecFile, WhatHasNoEffectIsToldWhereTheAuthorChoseIt) {
  const auto file = ParseSpec(
      "docker: {shmSize: 8g, arguments: [--ipc=host], sharedVolumes: true}\n"
      "environment: {docker: {shmSize: 2g, arguments: []}}\ncredentialPassthrough: true\n"
      "sourceDirectoryDataStore: store\n");
  ASSERT_TRUE(file);
  EXPECT_THAT(file->without_effect,
              ElementsAre("docker.shmSize", "docker.arguments", "credentialPassthrough",
                          "sourceDirectoryDataStore"));
}

TEST(SpecFile, WhatAsksForPackagesIsRefusedWithASentenceForEach) {
  const auto refused = [](const std::string& yaml) {
    std::vector<std::string> fields;
    const auto file = ParseSpec(yaml);
    if (!file) return std::vector<std::string>{file.error().message};
    const Status status = RefusePackages(*file, "/nowhere");
    if (status) return fields;
    for (const Fault& fault : status.error().faults) {
      EXPECT_THAT(fault.message, HasSubstr("): environments are not built yet: a job runs with "));
      fields.push_back(fault.message.substr(0, fault.message.find(':')));
    }
    return fields;
  };
  EXPECT_THAT(refused("environment: {python: {condaDependencies: {dependencies: [python=3.10.18, "
                      "{pip: [azureml-defaults, 'AzureML_core[x]>=1', --index-url x]}]}}}"),
              IsEmpty());
  EXPECT_THAT(
      refused("environment: {python: {condaDependencies: {dependencies: [python=3.8, numpy, "
              "{pip: [horovod, mpi4py]}]}, baseCondaEnvironment: base}}"),
      ElementsAre("environment.conda_packages (python=3.8, numpy)",
                  "environment.pip_packages (horovod, mpi4py)", "base_conda_environment (base)"));
  EXPECT_THAT(
      refused("environment: {python: {userManagedDependencies: true, baseCondaEnvironment: b,"
              " condaDependencies: {dependencies: [numpy]}}}"),
      IsEmpty());
  EXPECT_THAT(refused("environment: {docker: {baseImage: img}}\ndocker: {useDocker: true}"),
              ElementsAre("environment.docker.base_image (img)"));
  EXPECT_THAT(refused("environment: {docker: {baseImage: img, enabled: false}}"), IsEmpty());
  EXPECT_THAT(refused("environment: {docker: {enabled: true, baseDockerfile: FROM x, buildContext: "
                      "{location: y}}}"),
              ElementsAre("environment.docker.base_dockerfile (given)",
                          "environment.docker.build_context (given)"));
  EXPECT_THAT(refused("environment: {spark: {packages: [p]}, databricks: {jarLibraries: [j]}, r: "
                      "{rVersion: 3}}"),
              ElementsAre("environment.spark.packages (p)", "environment.databricks (j)",
                          "environment.r (given)"));
}

TEST(SpecFile, FilesItNamesAreFoundFromTheProjectOrBesideIt) {
  const Scratch scratch;
  scratch.Write("p/.azureml/x.runconfig", "script: a.py\nenvironment: .azureml/environment.yml\n");
  scratch.Write("p/.azureml/environment.yml",
                "python: {condaDependenciesFile: conda.yml}\nenvironmentVariables: {A: 1}\n");
  scratch.Write("p/.azureml/conda.yml", "dependencies: [numpy]\n");
  const auto file = ReadSpecFile(scratch.Path("p/.azureml/x.runconfig"));
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(file->source_directory, scratch.Path("p").string());
  EXPECT_EQ(file->spec.environment_variables().at("A"), "1");
  EXPECT_THAT(file->requests.conda, ElementsAre("numpy"));
  // One that is not there is looked for in the source directory, and must be there.
  scratch.Write("p/y.runconfig", "environment: {python: {condaDependenciesFile: later.yml}}\n");
  const auto later = ReadSpecFile(scratch.Path("p/y.runconfig"));
  ASSERT_TRUE(later);
  EXPECT_EQ(later->source_directory, "");
  EXPECT_THAT(RefusePackages(*later, scratch.Path("src")).error().message, HasSubstr("later.yml"));
  scratch.Write("src/later.yml", "dependencies: [python=3.10.18]\n");
  EXPECT_TRUE(RefusePackages(*later, scratch.Path("src")));
  scratch.Write("p/z.runconfig", "environment: none.yml\n");
  EXPECT_FALSE(ReadSpecFile(scratch.Path("p/z.runconfig")));
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

TEST(SpecFile, CondaPackagesAreReadUnlessTheUserManagesThem) {
  PackageRequests requests;
  ASSERT_TRUE(ParseCondaFile(
      "channels: [conda-forge]\ndependencies:\n- python=3.8\n- pip: [horovod, mpi4py]\n",
      requests));
  EXPECT_THAT(requests.conda, ElementsAre("python=3.8"));
  EXPECT_THAT(requests.pip, ElementsAre("horovod", "mpi4py"));
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
