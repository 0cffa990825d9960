// The agent's own lines in an attempt's log directory: 55_azureml-execution-<node>.txt,
// 65_job_prep-<node>.txt, 75_job_post-<node>.txt and process_info.json. Failures to write them are
// not the job's affair and are ignored. Blocking.
#pragma once

#include <string>
#include <vector>

#include "base/ids.h"
#include "base/time.h"

namespace muster::agent {

// Where the attempt runs. Each line is prefixed with the time, in all of these.
void WriteExecutionNote(const std::string& log_directory, const NodeId& node, TimePoint now,
                        const std::vector<std::string>& lines);
// Which process runs on which node: written as it is, by the first node of a gang.
void WriteProcessInfo(const std::string& log_directory, const std::string& json);
void WritePrepNote(const std::string& log_directory, const NodeId& node, TimePoint now,
                   const std::vector<std::string>& lines);
// Does nothing if there is one already (the agent was started again meanwhile).
void WritePostNote(const std::string& log_directory, const NodeId& node, TimePoint now,
                   const std::vector<std::string>& lines);

}  // namespace muster::agent
