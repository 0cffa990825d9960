// The agent's own lines in an attempt's log directory: 65_job_prep-<node>.txt and
// 75_job_post-<node>.txt. Failures to write them are not the job's affair and are ignored.
// Blocking.
#pragma once

#include <string>
#include <vector>

#include "base/ids.h"
#include "base/time.h"

namespace muster::agent {

// Each line is prefixed with the time.
void WritePrepNote(const std::string& log_directory, const NodeId& node, TimePoint now,
                   const std::vector<std::string>& lines);
// Does nothing if there is one already (the agent was started again meanwhile).
void WritePostNote(const std::string& log_directory, const NodeId& node, TimePoint now,
                   const std::vector<std::string>& lines);

}  // namespace muster::agent
