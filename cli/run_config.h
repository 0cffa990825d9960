// The keys that only Azure ML's .runconfig has, of every version of its SDK v1, as the Python SDK
// reads them (muster/core/runconfig.py) and makes a job of them (muster/core/_job_spec.py).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/spec_file.h"
#include "cli/yaml_map.h"

namespace muster::cli {

// Used once, for one document; `file` and `findings` must outlive it.
class RunConfigReader {
 public:
  // Paths of the file lead from one of `roots`, the first that has it.
  RunConfigReader(std::vector<std::filesystem::path> roots, SpecFile& file, YamlFindings& findings)
      : roots_(std::move(roots)), file_(file), findings_(findings) {}

  // For ReadMap; `framework`, `communicator` and `environment` among them, which job files spell
  // alike.
  std::vector<YamlKey> Keys();
  // After the whole document: what several keys decide together.
  void Finish();

 private:
  using Path = const std::string&;
  using Node = const YAML::Node&;

  std::vector<YamlKey> NumberKeys();
  void ReadFramework(Node node, Path path);
  void ReadCommunicator(Node node, Path path);
  void ReadEnvironmentOrFile(Node node, Path path);
  void ReadReferences(Node node, Path path);
  void ReadReference(Node node, Path path, muster::v1::DataReference& reference);
  void ReadOwnCluster(Node node, Path path);
  void RefuseCommand(Node node, Path path);
  void RefuseDatasets(Node node, Path path);
  void FinishTarget();
  void FinishProcesses();

  const std::vector<std::filesystem::path> roots_;
  SpecFile& file_;
  muster::v1::JobSpec& spec_ = file_.spec;
  YamlFindings& findings_;
  std::optional<std::string> target_;
  std::string vm_size_ = "None";
  std::string framework_;
  std::optional<std::uint32_t> mpi_processes_, torch_processes_;
  std::vector<std::pair<std::string, std::string>> variables_;  // of the top
};

}  // namespace muster::cli
