// The part of a job file that names an environment.
#pragma once

#include <string>

#include "cli/spec_file.h"
#include "cli/yaml_map.h"

namespace muster::cli {

// `environment`: the names of EnvironmentSpec's fields and .runconfig's tree. Sets the environment
// and its variables in file.spec, file.conda_file and file.requests.
void ReadEnvironment(const YAML::Node& node, const std::string& path, SpecFile& file,
                     YamlFindings& findings);
// `docker` at the top: useDocker wants the image that `environment.docker` names.
void ReadDocker(const YAML::Node& node, const std::string& path, SpecFile& file,
                YamlFindings& findings);

}  // namespace muster::cli
