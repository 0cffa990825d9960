// The experiments of a workspace: those of its jobs and those of its tracked runs as one list.
#pragma once

#include <cstddef>
#include <vector>

#include "muster/v1/tracking.pb.h"
#include "storage/experiment_summary.h"

namespace muster::server {

// Both lists are by name and begin at the same place; each has `limit` + 1 entries if there are as
// many. Sets the token of the next page if there is one. Pure.
void MergeExperiments(const std::vector<storage::ExperimentSummary>& of_jobs,
                      const std::vector<storage::ExperimentSummary>& of_tracked, std::size_t limit,
                      muster::v1::ListExperimentsReply& reply);

}  // namespace muster::server
