#include "cli/spec_environment.h"

#include "cli/outcome.h"
#include "cli/spec_text.h"

namespace muster::cli {
namespace {

namespace v1 = muster::v1;

using Path = const std::string&;
using Node = const YAML::Node&;

// "dependencies": conda's names, and one map {pip: [...]}.
void ReadDependencies(Node node, Path path, PackageRequests& requests, YamlFindings& findings) {
  if (!node.IsSequence()) {
    findings.AddFault(path, "", "must be a list of packages");
    return;
  }
  for (std::size_t i = 0; i < node.size(); ++i) {
    const std::string place = path + "[" + std::to_string(i) + "]";
    if (node[i].IsMap()) {
      const auto pip = [&](Node packages, Path pip_path) {
        for (const auto& name : ReadTexts(packages, pip_path, findings)) {
          requests.pip.push_back(name);
        }
      };
      ReadMap(node[i], place, {{"pip", pip}}, findings);
    } else if (const auto name = ReadText(node[i], place, findings)) {
      requests.conda.push_back(*name);
    }
  }
}

void ReadConda(Node node, Path path, PackageRequests& requests, YamlFindings& findings) {
  ReadMap(
      node, path,
      {SilentKey("name"),
       SilentKey("channels"),
       SilentKey("prefix"),
       SilentKey("variables"),
       {"dependencies",
        [&](Node list, Path list_path) { ReadDependencies(list, list_path, requests, findings); }}},
      findings);
}

// A relative path would mean another interpreter on each node.
void ReadInterpreter(Node node, Path path, v1::EnvironmentSpec& environment,
                     YamlFindings& findings) {
  const std::string text = ReadText(node, path, findings).value_or("");
  // .runconfig's default is the bare word "python": the node's own choice.
  if (text.empty() || text == "python") return;
  if (text.front() != '/') {
    findings.AddFault(path, text,
                      "must be an absolute path on the nodes, or 'python' for the interpreter that "
                      "their configuration names");
  }
  environment.set_interpreter_path(text);
}

void ReadPython(Node node, Path path, SpecFile& file, YamlFindings& findings) {
  bool user_managed = false;
  bool has_list = false;
  PackageRequests asked;
  std::string conda_file;
  ReadMap(
      node, path,
      {{"userManagedDependencies",
        [&](Node value, Path at) { user_managed = ReadBool(value, at, findings).value_or(false); }},
       {"interpreterPath",
        [&](Node value, Path at) {
          ReadInterpreter(value, at, *file.spec.mutable_environment(), findings);
        }},
       {"condaDependenciesFile",
        [&](Node value, Path at) { conda_file = ReadText(value, at, findings).value_or(""); }},
       {"condaDependencies",
        [&](Node value, Path at) {
          has_list = true;
          ReadConda(value, at, asked, findings);
        }},
       {"baseCondaEnvironment",
        [&](Node value, Path at) {
          asked.base_conda_environment = ReadText(value, at, findings).value_or("");
        }}},
      findings);
  // "The packages are there already": the lists say nothing then.
  if (user_managed) return;
  file.requests.conda = std::move(asked.conda);
  file.requests.pip = std::move(asked.pip);
  file.requests.base_conda_environment = std::move(asked.base_conda_environment);
  // Where both are there, the list counts.
  if (!has_list) file.conda_file = conda_file;
}

YamlKey WantsImage(std::string_view name, SpecFile& file, YamlFindings& findings) {
  return {name, [&](Node value, Path at) {
            if (ReadBool(value, at, findings).value_or(false)) file.requests.image_wanted = true;
          }};
}

// A size that the author has chosen, not one of the SDK's defaults.
YamlKey SharedMemory(YamlFindings& findings) {
  return {"shmSize", [&](Node value, Path at) {
            const std::string size = ReadText(value, at, findings).value_or("");
            if (!size.empty() && size != "1g" && size != "2g") {
              findings.without_effect.push_back(at);
            }
          }};
}

void ReadEnvironmentDocker(Node node, Path path, SpecFile& file, YamlFindings& findings) {
  PackageRequests& requests = file.requests;
  ReadMap(node, path,
          {WantsImage("enabled", file, findings),
           {"baseImage",
            [&](Node value, Path at) {
              requests.base_image = ReadText(value, at, findings).value_or("");
            }},
           {"baseDockerfile",
            [&](Node value, Path at) {
              requests.has_base_dockerfile = !ReadText(value, at, findings).value_or("").empty();
            }},
           {"buildContext", [&](Node, Path) { requests.has_build_context = true; }},
           SharedMemory(findings),
           {"arguments", {}},
           SilentKey("sharedVolumes"),
           SilentKey("gpuSupport"),
           SilentKey("baseImageRegistry"),
           SilentKey("platform")},
          findings);
}

void ReadDatabricks(Node node, Path path, PackageRequests& requests, YamlFindings& findings) {
  std::vector<YamlKey> keys;
  for (const std::string_view name :
       {"mavenLibraries", "pypiLibraries", "rcranLibraries", "jarLibraries", "eggLibraries"}) {
    keys.push_back({name, [&](Node list, Path at) {
                      for (auto& library : ReadTexts(list, at, findings)) {
                        requests.databricks.push_back(std::move(library));
                      }
                    }});
  }
  ReadMap(node, path, keys, findings);
}

void ReadSpark(Node node, Path path, PackageRequests& requests, YamlFindings& findings) {
  ReadMap(
      node, path,
      {{"packages", [&](Node list, Path at) { requests.spark = ReadTexts(list, at, findings); }},
       SilentKey("repositories"),
       SilentKey("precachePackages")},
      findings);
}

}  // namespace

void ReadEnvironment(Node node, Path path, SpecFile& file, YamlFindings& findings) {
  v1::EnvironmentSpec& environment = *file.spec.mutable_environment();
  std::vector<YamlKey> keys = {
      {"interpreter_path",
       [&](Node value, Path at) {
         environment.set_interpreter_path(ReadText(value, at, findings).value_or(""));
       }},
      {"conda_packages",
       [&](Node value, Path at) {
         for (const auto& p : ReadTexts(value, at, findings)) environment.add_conda_packages(p);
       }},
      {"pip_packages",
       [&](Node value, Path at) {
         for (const auto& p : ReadTexts(value, at, findings)) environment.add_pip_packages(p);
       }},
      {"docker_image",
       [&](Node value, Path at) {
         environment.set_docker_image(ReadText(value, at, findings).value_or(""));
       }},
      {"environmentVariables",
       [&](Node value, Path at) {
         for (const auto& [name, text] : ReadTextMap(value, at, findings)) {
           (*file.spec.mutable_environment_variables())[name] = text;
         }
       }},
      {"python", [&](Node value, Path at) { ReadPython(value, at, file, findings); }},
      {"docker", [&](Node value, Path at) { ReadEnvironmentDocker(value, at, file, findings); }},
      {"spark", [&](Node value, Path at) { ReadSpark(value, at, file.requests, findings); }},
      {"databricks",
       [&](Node value, Path at) { ReadDatabricks(value, at, file.requests, findings); }},
      {"r", [&](Node value, Path) { file.requests.has_r = value.IsScalar() || value.size() > 0; }}};
  for (const std::string_view name : {"name", "version", "inferencingStackVersion", "assetId"}) {
    keys.push_back(SilentKey(name));
  }
  ReadMap(node, path, keys, findings);
}

void ReadDocker(Node node, Path path, SpecFile& file, YamlFindings& findings) {
  ReadMap(node, path,
          {WantsImage("useDocker", file, findings),
           SilentKey("sharedVolumes"),
           {"arguments", {}},
           SharedMemory(findings)},
          findings);
}

Status ParseCondaFile(std::string_view yaml, PackageRequests& requests) {
  YamlFindings findings;
  try {
    ReadConda(YAML::Load(std::string(yaml)), "", requests, findings);
  } catch (const YAML::Exception& exception) {
    return Fail(UsageError(std::string("the conda file is no valid YAML: ") + exception.what()));
  }
  if (findings.faults.empty()) return {};
  return Fail(UsageError("the conda file has faults:", std::move(findings.faults)));
}

Status ReadCondaFile(const std::filesystem::path& path, PackageRequests& requests) {
  MUSTER_ASSIGN(const std::string text, ReadWholeFile(path));
  return ParseCondaFile(text, requests);
}

}  // namespace muster::cli
