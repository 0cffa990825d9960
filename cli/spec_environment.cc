#include "cli/spec_environment.h"

#include "cli/outcome.h"

namespace muster::cli {
namespace {

namespace v1 = muster::v1;

using Path = const std::string&;
using Node = const YAML::Node&;

// "dependencies": conda's names, and one map {pip: [...]}.
void ReadDependencies(Node node, Path path, v1::EnvironmentSpec& environment,
                      YamlFindings& findings) {
  if (!node.IsSequence()) {
    findings.AddFault(path, "", "must be a list of packages");
    return;
  }
  for (std::size_t i = 0; i < node.size(); ++i) {
    const std::string place = path + "[" + std::to_string(i) + "]";
    if (node[i].IsMap()) {
      const auto pip = [&](Node packages, Path pip_path) {
        for (const auto& name : ReadTexts(packages, pip_path, findings)) {
          environment.add_pip_packages(name);
        }
      };
      ReadMap(node[i], place, {{"pip", pip}}, findings);
    } else if (const auto name = ReadText(node[i], place, findings)) {
      environment.add_conda_packages(*name);
    }
  }
}

void ReadConda(Node node, Path path, v1::EnvironmentSpec& environment, YamlFindings& findings) {
  ReadMap(node, path,
          {{"name", {}},
           {"channels", {}},
           {"dependencies",
            [&](Node list, Path list_path) {
              ReadDependencies(list, list_path, environment, findings);
            }}},
          findings);
}

void ReadPython(Node node, Path path, SpecFile& file, YamlFindings& findings) {
  bool user_managed = false;
  v1::EnvironmentSpec asked;
  std::string conda_file;
  ReadMap(
      node, path,
      {{"userManagedDependencies",
        [&](Node value, Path at) { user_managed = ReadBool(value, at, findings).value_or(false); }},
       {"interpreterPath",
        [&](Node value, Path at) {
          const auto text = ReadText(value, at, findings);
          // .runconfig's default is the bare word "python": the node's own choice.
          if (text && *text != "python") asked.set_interpreter_path(*text);
        }},
       {"condaDependenciesFile",
        [&](Node value, Path at) { conda_file = ReadText(value, at, findings).value_or(""); }},
       {"condaDependencies", [&](Node value, Path at) { ReadConda(value, at, asked, findings); }},
       {"baseCondaEnvironment", {}}},
      findings);
  if (user_managed) {
    // "The packages are there already": the lists say nothing then.
    asked.clear_conda_packages();
    asked.clear_pip_packages();
    conda_file.clear();
  }
  if (!conda_file.empty()) file.conda_file = conda_file;
  file.spec.mutable_environment()->MergeFrom(asked);
}

YamlKey WantsImage(std::string_view name, SpecFile& file, YamlFindings& findings) {
  return {name, [&](Node value, Path at) {
            if (ReadBool(value, at, findings).value_or(false)) file.image_wanted = true;
          }};
}

void ReadEnvironmentDocker(Node node, Path path, SpecFile& file, YamlFindings& findings) {
  const auto base_image = [&](Node value, Path at) {
    file.base_image = ReadText(value, at, findings).value_or("");
  };
  std::vector<YamlKey> keys = {WantsImage("enabled", file, findings), {"baseImage", base_image}};
  for (const std::string_view name : {"baseDockerfile", "buildContext", "sharedVolumes", "shmSize",
                                      "arguments", "gpuSupport", "baseImageRegistry", "platform"}) {
    keys.push_back({name, {}});
  }
  ReadMap(node, path, keys, findings);
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
      {"docker", [&](Node value, Path at) { ReadEnvironmentDocker(value, at, file, findings); }}};
  for (const std::string_view name :
       {"name", "version", "spark", "databricks", "r", "inferencingStackVersion", "assetId"}) {
    keys.push_back({name, {}});
  }
  ReadMap(node, path, keys, findings);
}

void ReadDocker(Node node, Path path, SpecFile& file, YamlFindings& findings) {
  ReadMap(node, path,
          {WantsImage("useDocker", file, findings),
           {"sharedVolumes", {}},
           {"arguments", {}},
           {"shmSize", {}}},
          findings);
}

Status ParseCondaFile(std::string_view yaml, v1::EnvironmentSpec& environment) {
  YamlFindings findings;
  try {
    ReadConda(YAML::Load(std::string(yaml)), "", environment, findings);
  } catch (const YAML::Exception& exception) {
    return Fail(UsageError(std::string("the conda file is no valid YAML: ") + exception.what()));
  }
  if (findings.faults.empty()) return {};
  return Fail(UsageError("the conda file has faults:", std::move(findings.faults)));
}

}  // namespace muster::cli
