#include "server/tracking/experiment_listing.h"

#include <algorithm>
#include <map>
#include <string>

#include "server/rpc/page_token.h"

namespace muster::server {

void MergeExperiments(const std::vector<storage::ExperimentSummary>& of_jobs,
                      const std::vector<storage::ExperimentSummary>& of_tracked, std::size_t limit,
                      muster::v1::ListExperimentsReply& reply) {
  std::map<std::string, muster::v1::Experiment> merged;
  for (const auto* list : {&of_jobs, &of_tracked}) {
    for (const storage::ExperimentSummary& summary : *list) {
      muster::v1::Experiment& experiment = merged[summary.name];
      experiment.set_name(summary.name);
      experiment.set_run_count(experiment.run_count() + summary.runs);
      experiment.set_newest_us(std::max(experiment.newest_us(), ToMicros(summary.newest)));
    }
  }
  for (auto& [name, experiment] : merged) {
    if (static_cast<std::size_t>(reply.experiments_size()) == limit) {
      reply.set_next_page_token(EncodeNamePageToken(reply.experiments().rbegin()->name()));
      return;
    }
    *reply.add_experiments() = std::move(experiment);
  }
}

}  // namespace muster::server
