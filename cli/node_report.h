// What tables and reports say about a node in words.
#pragma once

#include <string>

#include "muster/v1/cluster.pb.h"

namespace muster::cli {

// Ids of the jobs that it holds, with commas.
std::string NodeJobs(const muster::v1::Node& node);
// What the server says is wrong, else "not connected", "draining", "cordoned", or "".
std::string NodeRemark(const muster::v1::Node& node);

}  // namespace muster::cli
