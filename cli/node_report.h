// What tables and reports say about a node in words.
#pragma once

#include <string>

#include "muster/v1/cluster.pb.h"

namespace muster::cli {

// Ids of the jobs that it holds, with commas.
std::string NodeJobs(const muster::v1::Node& node);
// "cordoned", "draining", "not connected", and the server's reason; "" when nothing is wrong.
std::string NodeRemark(const muster::v1::Node& node);

}  // namespace muster::cli
