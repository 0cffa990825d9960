#include "cli/spec_file.h"

#include <fstream>
#include <limits>
#include <sstream>

#include "cli/outcome.h"
#include "cli/spec_environment.h"
#include "cli/spec_words.h"
#include "cli/yaml_map.h"

namespace muster::cli {
namespace {

namespace v1 = muster::v1;
namespace fs = std::filesystem;

constexpr std::int64_t kMaxCount = std::numeric_limits<std::uint32_t>::max();
constexpr std::int64_t kMaxInt32 = std::numeric_limits<std::int32_t>::max();
// 365 days, the longest that a job may run.
constexpr std::int64_t kMaxMs = 365LL * 24 * 3600 * 1000;
constexpr std::uintmax_t kMaxFileBytes = 2 << 20;

class SpecReader {
 public:
  void Read(const YAML::Node& document) {
    std::vector<YamlKey> keys = OwnKeys();
    for (YamlKey& key : RunConfigKeys()) keys.push_back(std::move(key));
    ReadMap(document, "", keys, findings_);
  }

  Result<SpecFile> Finish() {
    if (!findings_.faults.empty()) {
      const std::size_t count = findings_.faults.size();
      return Fail(UsageError(
          "the job file has " + std::to_string(count) + (count == 1 ? " fault:" : " faults:"),
          std::move(findings_.faults)));
    }
    if (file_.image_wanted && !file_.base_image.empty()) {
      spec_.mutable_environment()->set_docker_image(file_.base_image);
    }
    file_.without_effect = std::move(findings_.without_effect);
    return std::move(file_);
  }

 private:
  using Path = const std::string&;
  using Node = const YAML::Node&;

  template <class Store>
  static YamlKey Key(std::string_view name, Store store) {
    return {name, std::move(store)};
  }

  template <class Set>
  YamlKey Text(std::string_view name, Set set) {
    return Key(name, [this, set](Node node, Path path) {
      if (const auto text = ReadText(node, path, findings_)) set(*text);
    });
  }

  template <class Set>
  YamlKey Integer(std::string_view name, std::int64_t lowest, std::int64_t highest, Set set) {
    return Key(name, [this, lowest, highest, set](Node node, Path path) {
      if (const auto number = ReadInteger(node, path, lowest, highest, findings_)) set(*number);
    });
  }

  YamlKey NodeCount(std::string_view name) {
    return Integer(name, 0, kMaxCount, [this](std::int64_t count) {
      spec_.set_node_count(static_cast<std::uint32_t>(count));
    });
  }
  YamlKey ProcessCount(std::string_view name) {
    return Integer(name, 0, kMaxCount, [this](std::int64_t count) {
      spec_.set_process_count_per_node(static_cast<std::uint32_t>(count));
    });
  }
  YamlKey Pool(std::string_view name) {
    return Text(name, [this](const std::string& pool) { spec_.set_pool(pool); });
  }
  YamlKey Variables(std::string_view name) {
    return Key(name, [this](Node node, Path path) {
      for (const auto& [key, value] : ReadTextMap(node, path, findings_)) {
        (*spec_.mutable_environment_variables())[key] = value;
      }
    });
  }

  // The names of JobSpec's fields; those that .runconfig spells alike as well.
  std::vector<YamlKey> OwnKeys() {
    return {
        Text("experiment", [this](const std::string& name) { spec_.set_experiment(name); }),
        Text("source_directory",
             [this](const std::string& path) { file_.source_directory = path; }),
        Text("script", [this](const std::string& script) { spec_.set_script(script); }),
        Key("arguments",
            [this](Node node, Path path) {
              for (auto& word : ReadTexts(node, path, findings_)) spec_.add_arguments(word);
            }),
        Pool("pool"),
        NodeCount("node_count"),
        ProcessCount("process_count_per_node"),
        Key("communicator", [this](Node node, Path path) { ReadCommunicator(node, path); }),
        Text("framework", [this](const std::string& name) { spec_.set_framework(name); }),
        Key("environment",
            [this](Node node, Path path) { ReadEnvironment(node, path, file_, findings_); }),
        Variables("environment_variables"),
        Key("data_references", [this](Node node, Path path) { ReadDataList(node, path); }),
        Integer("max_run_duration_ms", 0, kMaxMs,
                [this](std::int64_t ms) { spec_.set_max_run_duration_ms(ms); }),
        Key("restart_policy", [this](Node node, Path path) { ReadRestartPolicy(node, path); }),
        Integer("priority", -kMaxInt32, kMaxInt32,
                [this](std::int64_t n) { spec_.set_priority(static_cast<std::int32_t>(n)); }),
        Key("tags",
            [this](Node node, Path path) {
              for (const auto& [key, value] : ReadTextMap(node, path, findings_)) {
                (*spec_.mutable_tags())[key] = value;
              }
            }),
        Integer("grace_period_ms", 0, kMaxMs,
                [this](std::int64_t ms) { spec_.set_grace_period_ms(ms); }),
    };
  }

  // Those that only .runconfig has.
  std::vector<YamlKey> RunConfigKeys() {
    std::vector<YamlKey> keys = {
        Pool("target"),
        NodeCount("nodeCount"),
        Variables("environmentVariables"),
        Integer("maxRunDurationSeconds", 0, kMaxMs / 1000,
                [this](std::int64_t s) { spec_.set_max_run_duration_ms(s * 1000); }),
        Key("mpi",
            [this](Node node, Path path) {
              ReadMap(node, path, {ProcessCount("processCountPerNode"), {"nodeCount", {}}},
                      findings_);
            }),
        Key("dataReferences", [this](Node node, Path path) { ReadDataMap(node, path); }),
        Key("docker", [this](Node node, Path path) { ReadDocker(node, path, file_, findings_); }),
        Key("command",
            [this](Node node, Path path) {
              if (node.IsScalar() && node.Scalar().empty()) return;
              findings_.AddFault(path, "", "commands are not supported; use script and arguments");
            }),
    };
    for (const std::string_view name :
         {"autoPrepareEnvironment", "history", "spark", "hdi", "tensorflow", "pytorch",
          "paralleltask", "data", "datacaches", "outputData", "sourceDirectoryDataStore",
          "amlcompute", "autoClusterComputeSpecification", "kubernetescompute",
          "credentialPassthrough", "applicationEndpoints", "batchai"}) {
      keys.push_back({name, {}});
    }
    return keys;
  }

  void ReadCommunicator(Node node, Path path) {
    const auto text = ReadText(node, path, findings_);
    if (!text) return;
    const auto communicator = ParseCommunicator(*text);
    if (communicator) {
      spec_.set_communicator(*communicator);
    } else {
      findings_.AddFault(path, *text, communicator.error().message);
    }
  }

  void ReadRestartPolicy(Node node, Path path) {
    ReadMap(
        node, path,
        {Integer("node_loss_retries", 0, kMaxCount,
                 [this](std::int64_t n) {
                   spec_.mutable_restart_policy()->set_node_loss_retries(
                       static_cast<std::uint32_t>(n));
                 }),
         Integer("lease_ms", 0, kMaxMs,
                 [this](std::int64_t ms) { spec_.mutable_restart_policy()->set_lease_ms(ms); })},
        findings_);
  }

  void ReadDataList(Node node, Path path) {
    if (!node.IsSequence()) {
      findings_.AddFault(path, "", "must be a list");
      return;
    }
    for (std::size_t i = 0; i < node.size(); ++i) {
      v1::DataReference& reference = *spec_.add_data_references();
      std::vector<YamlKey> keys = DataKeys(reference);
      keys.push_back(Text("name", [&](const std::string& name) { reference.set_name(name); }));
      ReadMap(node[i], path + "[" + std::to_string(i) + "]", keys, findings_);
    }
  }

  void ReadDataMap(Node node, Path path) {
    if (!node.IsMap()) {
      findings_.AddFault(path, "", "must be a map of names to data references");
      return;
    }
    for (const auto& pair : node) {
      v1::DataReference& reference = *spec_.add_data_references();
      reference.set_name(pair.first.IsScalar() ? pair.first.Scalar() : "");
      ReadMap(pair.second, path + "." + reference.name(), DataKeys(reference), findings_);
    }
  }

  std::vector<YamlKey> DataKeys(v1::DataReference& reference) {
    const auto store = [&](const std::string& name) { reference.set_datastore(name); };
    const auto place = [&](const std::string& text) { reference.set_path(text); };
    const auto on_compute = [&](const std::string& text) { reference.set_path_on_compute(text); };
    return {Text("datastore", store),
            Text("dataStoreName", store),
            Text("path", place),
            Text("pathOnDataStore", place),
            Text("path_on_compute", on_compute),
            Text("pathOnCompute", on_compute),
            Key("mode", [&](Node node, Path path) { ReadMode(node, path, reference); }),
            Key("overwrite", [&](Node node, Path path) {
              if (const auto yes = ReadBool(node, path, findings_)) reference.set_overwrite(*yes);
            })};
  }

  void ReadMode(Node node, Path path, v1::DataReference& reference) {
    const auto text = ReadText(node, path, findings_);
    if (!text) return;
    if (*text == "mount") {
      reference.set_mode(v1::DATA_MODE_MOUNT);
    } else if (*text == "download") {
      reference.set_mode(v1::DATA_MODE_DOWNLOAD);
    } else if (*text == "upload") {
      reference.set_mode(v1::DATA_MODE_UPLOAD);
    } else {
      findings_.AddFault(path, *text, "must be mount, download or upload");
    }
  }

  SpecFile file_;
  v1::JobSpec& spec_ = file_.spec;
  YamlFindings findings_;
};

Result<std::string> ReadWhole(const fs::path& path) {
  std::error_code error;
  const std::uintmax_t size = fs::file_size(path, error);
  if (error) return Fail(UsageError("cannot read " + path.string() + ": " + error.message()));
  if (size > kMaxFileBytes) {
    return Fail(UsageError(path.string() + " is larger than the limit of 2 MiB"));
  }
  std::ifstream stream(path, std::ios::binary);
  std::ostringstream text;
  text << stream.rdbuf();
  if (!stream) return Fail(UsageError("cannot read " + path.string()));
  return text.str();
}

}  // namespace

Result<SpecFile> ParseSpec(std::string_view yaml) {
  try {
    SpecReader reader;
    reader.Read(YAML::Load(std::string(yaml)));
    return reader.Finish();
  } catch (const YAML::Exception& exception) {
    return Fail(UsageError("the job file is no valid YAML: line " +
                           std::to_string(exception.mark.line + 1) + ", column " +
                           std::to_string(exception.mark.column + 1) + ": " + exception.msg));
  }
}

Result<SpecFile> ReadSpecFile(const fs::path& path) {
  MUSTER_ASSIGN(const std::string text, ReadWhole(path));
  MUSTER_ASSIGN(SpecFile file, ParseSpec(text));
  if (!file.source_directory.empty()) {
    file.source_directory = (path.parent_path() / file.source_directory).string();
  }
  return file;
}

Status ReadCondaFile(const fs::path& path, v1::EnvironmentSpec& environment) {
  MUSTER_ASSIGN(const std::string text, ReadWhole(path));
  return ParseCondaFile(text, environment);
}

}  // namespace muster::cli
