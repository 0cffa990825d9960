// The data references of a job file.
#pragma once

#include <vector>

#include "cli/yaml_map.h"
#include "muster/v1/common.pb.h"

namespace muster::cli {

// For ReadMap: the names of DataReference's fields and .runconfig's, but for `name`. Both arguments
// must outlive the keys.
std::vector<YamlKey> DataKeys(muster::v1::DataReference& reference, YamlFindings& findings);

}  // namespace muster::cli
