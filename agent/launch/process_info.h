// Which process of an attempt runs on which node, as the run file process_info.json tells it. Pure.
#pragma once

#include <string>

#include "base/ids.h"

namespace muster::v1 {
class AttemptTask;
}

namespace muster::agent {

// {"job_id", "attempt", "nodes": [{"node_id", "host_name"}], "processes": [{"rank", "local_rank",
// "node_id"}]} with a line end; nodes in order of their ranks.
std::string ProcessInfo(const AttemptId& id, const v1::AttemptTask& task);

}  // namespace muster::agent
