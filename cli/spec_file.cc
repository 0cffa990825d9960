#include "cli/spec_file.h"

#include <limits>
#include <system_error>

#include "cli/outcome.h"
#include "cli/run_config.h"
#include "cli/spec_data.h"
#include "cli/spec_text.h"
#include "cli/yaml_map.h"

namespace muster::cli {
namespace {

namespace v1 = muster::v1;
namespace fs = std::filesystem;

constexpr std::int64_t kMaxCount = std::numeric_limits<std::uint32_t>::max();
constexpr std::int64_t kMaxInt32 = std::numeric_limits<std::int32_t>::max();
// 365 days, the longest that a job may run.
constexpr std::int64_t kMaxMs = 365LL * 24 * 3600 * 1000;

class SpecReader {
 public:
  explicit SpecReader(const std::vector<fs::path>& roots) : run_config_(roots, file_, findings_) {}

  void Read(std::string text) {
    findings_.text = std::move(text);
    const YAML::Node document = YAML::Load(findings_.text);
    std::vector<YamlKey> keys = OwnKeys();
    for (YamlKey& key : run_config_.Keys()) keys.push_back(std::move(key));
    ReadMap(document, "", keys, findings_);
    run_config_.Finish();
  }

  Result<SpecFile> Finish() {
    if (!findings_.faults.empty()) {
      const std::size_t count = findings_.faults.size();
      return Fail(UsageError(
          "the job file has " + std::to_string(count) + (count == 1 ? " fault:" : " faults:"),
          std::move(findings_.faults)));
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

  // The names of JobSpec's fields, but for those that mean the same in .runconfig.
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
        Text("pool", [this](const std::string& pool) { spec_.set_pool(pool); }),
        Integer("node_count", 0, kMaxCount,
                [this](std::int64_t n) { spec_.set_node_count(static_cast<std::uint32_t>(n)); }),
        Integer("process_count_per_node", 0, kMaxCount,
                [this](std::int64_t n) {
                  spec_.set_process_count_per_node(static_cast<std::uint32_t>(n));
                }),
        Key("environment_variables",
            [this](Node node, Path path) {
              for (const auto& [key, value] : ReadTextMap(node, path, findings_)) {
                (*spec_.mutable_environment_variables())[key] = value;
              }
            }),
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
      std::vector<YamlKey> keys = DataKeys(reference, findings_);
      keys.push_back(Text("name", [&](const std::string& name) { reference.set_name(name); }));
      ReadMap(node[i], path + "[" + std::to_string(i) + "]", keys, findings_);
    }
  }

  SpecFile file_;
  v1::JobSpec& spec_ = file_.spec;
  YamlFindings findings_;
  RunConfigReader run_config_;
};

bool IsProjectFolder(const fs::path& name) { return name == ".azureml" || name == "aml_config"; }

}  // namespace

Result<SpecFile> ParseSpec(std::string_view yaml, const std::vector<fs::path>& roots) {
  try {
    SpecReader reader(roots);
    reader.Read(JoinSurrogates(std::string(yaml)));
    return reader.Finish();
  } catch (const YAML::Exception& exception) {
    return Fail(UsageError("the job file is no valid YAML: line " +
                           std::to_string(exception.mark.line + 1) + ", column " +
                           std::to_string(exception.mark.column + 1) + ": " + exception.msg));
  }
}

Result<SpecFile> ReadSpecFile(const fs::path& path) {
  MUSTER_ASSIGN(const std::string text, ReadWholeFile(path));
  std::error_code error;
  const fs::path directory = fs::absolute(path, error).lexically_normal().parent_path();
  const bool in_project = IsProjectFolder(directory.filename());
  const fs::path root = in_project ? directory.parent_path() : directory;
  MUSTER_ASSIGN(SpecFile file, ParseSpec(text, {root, directory}));
  if (!file.source_directory.empty()) {
    file.source_directory = (path.parent_path() / file.source_directory).string();
  } else if (in_project) {
    file.source_directory = root.string();
  }
  for (const fs::path& place : {root / file.conda_file, directory / file.conda_file}) {
    if (file.conda_file.empty() || !fs::is_regular_file(place, error)) continue;
    MUSTER_TRY(ReadCondaFile(place, file.requests));
    file.conda_file.clear();
  }
  return file;
}

Status RefusePackages(const SpecFile& file, const fs::path& source_directory) {
  PackageRequests requests = file.requests;
  if (!file.conda_file.empty()) {
    MUSTER_TRY(ReadCondaFile(source_directory / file.conda_file, requests));
  }
  std::vector<Fault> faults;
  for (std::string& sentence : RefusedRequests(requests)) {
    faults.push_back({"", "", std::move(sentence)});
  }
  if (faults.empty()) return {};
  return Fail(UsageError("the job cannot be submitted:", std::move(faults)));
}

}  // namespace muster::cli
