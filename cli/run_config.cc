#include "cli/run_config.h"

#include <limits>
#include <system_error>

#include "cli/outcome.h"
#include "cli/spec_data.h"
#include "cli/spec_environment.h"
#include "cli/spec_text.h"
#include "cli/spec_words.h"

namespace muster::cli {
namespace {

namespace fs = std::filesystem;
namespace v1 = muster::v1;

constexpr std::int64_t kMaxCount = std::numeric_limits<std::uint32_t>::max();
constexpr std::int64_t kMaxSeconds = 365LL * 24 * 3600;

// Without "./", doubled slashes and slashes at the ends.
std::string InnerPath(const std::string& path) {
  std::string inner;
  for (const fs::path& part : fs::path(path).relative_path()) {
    if (part.empty() || part == ".") continue;
    inner += (inner.empty() ? "" : "/") + part.string();
  }
  return inner;
}

}  // namespace

std::vector<YamlKey> RunConfigReader::Keys() {
  std::vector<YamlKey> keys = NumberKeys();
  const std::vector<YamlKey> others = {
      {"target", [this](Node node, Path path) { target_ = ReadText(node, path, findings_); }},
      {"framework", [this](Node node, Path path) { ReadFramework(node, path); }},
      {"communicator", [this](Node node, Path path) { ReadCommunicator(node, path); }},
      {"environment", [this](Node node, Path path) { ReadEnvironmentOrFile(node, path); }},
      {"environmentVariables",
       [this](Node node, Path path) { variables_ = ReadTextMap(node, path, findings_); }},
      {"dataReferences", [this](Node node, Path path) { ReadReferences(node, path); }},
      {"docker", [this](Node node, Path path) { ReadDocker(node, path, file_, findings_); }},
      {"amlcompute", [this](Node node, Path path) { ReadOwnCluster(node, path); }},
      {"command", [this](Node node, Path path) { RefuseCommand(node, path); }},
      {"data", [this](Node node, Path path) { RefuseDatasets(node, path); }},
      {"outputData", [this](Node node, Path path) { RefuseDatasets(node, path); }},
      {"datacaches", [this](Node node, Path path) { RefuseDatasets(node, path); }},
      {"credentialPassthrough",
       [this](Node node, Path path) {
         if (ReadBool(node, path, findings_).value_or(false)) {
           findings_.without_effect.push_back(path);
         }
       }},
      {"sourceDirectoryDataStore", {}}};
  keys.insert(keys.end(), others.begin(), others.end());
  for (const std::string_view name :
       {"autoPrepareEnvironment", "history", "spark", "hdi", "tensorflow", "paralleltask",
        "autoClusterComputeSpecification", "kubernetescompute", "applicationEndpoints"}) {
    keys.push_back(SilentKey(name));
  }
  return keys;
}

std::vector<YamlKey> RunConfigReader::NumberKeys() {
  const auto count = [this](std::string_view name, auto set) {
    return YamlKey{name, [this, set](Node node, Path path) {
                     if (const auto n = ReadInteger(node, path, 0, kMaxCount, findings_)) {
                       set(static_cast<std::uint32_t>(*n));
                     }
                   }};
  };
  const auto section = [this](std::string_view name, std::vector<YamlKey> keys) {
    return YamlKey{name, [this, keys = std::move(keys)](Node node, Path path) {
                     ReadMap(node, path, keys, findings_);
                   }};
  };
  const YamlKey node_count =
      count("nodeCount", [this](std::uint32_t n) { spec_.set_node_count(n); });
  return {
      node_count,
      {"batchai",
       [node_count](Node node, Path path) {
         // Of the clusters of 2018 nothing else counts.
         const YAML::Node nodes = node.IsMap() ? node["nodeCount"] : YAML::Node();
         if (nodes.IsDefined() && !nodes.IsNull()) node_count.read(nodes, path + ".nodeCount");
       }},
      section("mpi", {count("processCountPerNode", [this](std::uint32_t n) { mpi_processes_ = n; }),
                      SilentKey("nodeCount")}),
      section("pytorch", {count("processCount", [this](std::uint32_t n) { torch_processes_ = n; }),
                          SilentKey("communicationBackend"), SilentKey("nodeCount")}),
      {"maxRunDurationSeconds", [this](Node node, Path path) {
         const auto seconds = ReadInteger(node, path, 1, kMaxSeconds, findings_);
         if (seconds) spec_.set_max_run_duration_ms(*seconds * 1000);
       }}};
}

void RunConfigReader::Finish() {
  const std::string name = LowerCase(framework_);
  if (name == "pyspark" || name == "cntk") {
    findings_.AddFault("framework", framework_, "is not supported; use Python");
  } else if (name == "pythonmpi" || name == "tensorflowparameterserver") {
    // Frameworks of 2018 that name a communicator as well.
    const bool is_mpi = name == "pythonmpi";
    spec_.set_framework(is_mpi ? "Python" : "TensorFlow");
    if (spec_.communicator() == v1::COMMUNICATOR_UNSPECIFIED ||
        spec_.communicator() == v1::COMMUNICATOR_NONE) {
      spec_.set_communicator(is_mpi ? v1::COMMUNICATOR_MPI : v1::COMMUNICATOR_PARAMETER_SERVER);
    }
  } else {
    spec_.set_framework(framework_.empty() || framework_ == "python" ? "Python" : framework_);
  }
  // Those at the top are added to the environment's, wherever either stands.
  for (const auto& [key, value] : variables_) {
    (*spec_.mutable_environment_variables())[key] = value;
  }
  FinishTarget();
  FinishProcesses();
  // What a file leaves out has .runconfig's defaults, as the SDK sends them.
  spec_.mutable_environment();
  if (spec_.communicator() == v1::COMMUNICATOR_UNSPECIFIED) {
    spec_.set_communicator(v1::COMMUNICATOR_NONE);
  }
  if (!spec_.has_node_count()) spec_.set_node_count(1);
  if (!spec_.has_process_count_per_node()) spec_.set_process_count_per_node(1);
}

void RunConfigReader::FinishTarget() {
  if (!target_) return;
  if (*target_ == "amlcompute") {
    findings_.AddFault("target", "",
                       "vm_size (" + vm_size_ +
                           ") asks for a cluster of the run's own, which is not supported yet; "
                           "give the compute_target of an existing pool");
  } else if (*target_ == "local") {
    spec_.clear_pool();  // the pool that the server has by itself
  } else {
    spec_.set_pool(*target_);
  }
}

// Processes a node: of the section that belongs to the communicator.
void RunConfigReader::FinishProcesses() {
  const bool is_torch = spec_.communicator() == v1::COMMUNICATOR_GLOO ||
                        spec_.communicator() == v1::COMMUNICATOR_NCCL;
  if (is_torch && torch_processes_) {
    const std::uint32_t nodes = spec_.has_node_count() ? spec_.node_count() : 1;
    if (nodes == 0) return;  // the server says what is wrong with that
    if (*torch_processes_ % nodes != 0 || *torch_processes_ == 0) {
      findings_.AddFault("pytorch.processCount", std::to_string(*torch_processes_),
                         "must be a multiple of nodeCount " + std::to_string(nodes));
      return;
    }
    spec_.set_process_count_per_node(*torch_processes_ / nodes);
  } else if (mpi_processes_) {
    spec_.set_process_count_per_node(*mpi_processes_);
  }
}

void RunConfigReader::ReadFramework(Node node, Path path) {
  framework_ = ReadText(node, path, findings_).value_or("");
}

void RunConfigReader::ReadCommunicator(Node node, Path path) {
  const auto text = ReadText(node, path, findings_);
  if (!text) return;
  const auto communicator = ParseCommunicator(*text);
  if (communicator) {
    spec_.set_communicator(*communicator);
  } else {
    findings_.AddFault(path, *text, communicator.error().message);
  }
}

void RunConfigReader::ReadEnvironmentOrFile(Node node, Path path) {
  if (!node.IsScalar()) {
    return ReadEnvironment(node, path, file_, findings_);
  }
  for (const fs::path& root : roots_) {
    std::error_code error;
    const fs::path place = root / node.Scalar();
    if (!fs::is_regular_file(place, error)) continue;
    const auto text = ReadWholeFile(place);
    if (!text) return findings_.AddFault(path, "", text.error().message);
    // Its own document, whose places are its own, with the caller's catch around it.
    std::string outer = std::exchange(findings_.text, JoinSurrogates(*text));
    ReadEnvironment(YAML::Load(findings_.text), path, file_, findings_);
    findings_.text = std::move(outer);
    return;
  }
  findings_.AddFault(path, node.Scalar(), "the environment's file does not exist");
}

void RunConfigReader::ReadReferences(Node node, Path path) {
  if (!node.IsMap()) {
    return findings_.AddFault(path, "", "must be a map of names to data references");
  }
  for (const auto& pair : node) {
    v1::DataReference& reference = *spec_.add_data_references();
    reference.set_name(pair.first.IsScalar() ? pair.first.Scalar() : "");
    ReadReference(pair.second, path + "." + reference.name(), reference);
  }
}

void RunConfigReader::ReadReference(Node node, Path path, v1::DataReference& reference) {
  reference.set_mode(v1::DATA_MODE_MOUNT);
  std::vector<YamlKey> keys = DataKeys(reference, findings_);
  ReadMap(node, path, keys, findings_);
  reference.set_path(InnerPath(reference.path()));
  // One that is absolute is the server's to refuse.
  if (!reference.path_on_compute().starts_with('/')) {
    reference.set_path_on_compute(InnerPath(reference.path_on_compute()));
  }
}

void RunConfigReader::ReadOwnCluster(Node node, Path path) {
  const auto size = [this](Node value, Path at) {
    vm_size_ = ReadText(value, at, findings_).value_or("None");
  };
  ReadMap(node, path,
          {{"vmSize", size},
           SilentKey("vmPriority"),
           SilentKey("retainCluster"),
           SilentKey("name"),
           SilentKey("clusterMaxNodeCount")},
          findings_);
}

void RunConfigReader::RefuseCommand(Node node, Path path) {
  const bool is_empty =
      node.IsScalar() ? node.Scalar().empty() : node.IsSequence() && node.size() == 0;
  if (is_empty) return;
  findings_.AddFault(path, "", "is not supported yet; use script and arguments");
}

void RunConfigReader::RefuseDatasets(Node node, Path path) {
  if (!node.IsScalar() && node.size() == 0) return;
  findings_.AddFault(path, "",
                     "datasets are not supported yet; use a DataReference of a datastore");
}

}  // namespace muster::cli
