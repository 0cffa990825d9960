#include <utility>
// <utility> first: this Boost's Asio needs it.
#include "agent/logs/run_outputs.h"

namespace muster::agent {
namespace {

LogShipperConfig TreeConfig() {
  LogShipperConfig config;
  config.depth = LogDirectory::Depth::kAll;
  config.hidden = true;
  config.max_calls = 8;
  config.max_files_per_attempt = 20'000;
  return config;
}

}  // namespace

RunOutputs::RunOutputs(boost::asio::io_context& loop, AppendSink& sink)
    : logs_(loop, sink, TreeConfig()), outputs_(loop, sink, TreeConfig()) {}

void RunOutputs::Follow(const AttemptId& id, const std::string& directory,
                        std::uint32_t node_rank) {
  Place& place = places_[id];
  place.directory = directory;
  place.suffix = node_rank == 0 ? "" : "node" + std::to_string(node_rank) + "/";
  logs_.Follow(id, directory + "/logs", "logs/" + place.suffix);
}

void RunOutputs::ShipRest(const AttemptId& id, std::function<void()> on_shipped) {
  if (const auto place = places_.find(id); place != places_.end()) {
    outputs_.Follow(id, place->second.directory + "/outputs", "outputs/" + place->second.suffix);
  }
  outputs_.ShipRest(
      id, [this, id, on_shipped = std::move(on_shipped)] { logs_.ShipRest(id, on_shipped); });
}

std::vector<std::string> RunOutputs::Describe(const AttemptId& id) const {
  std::vector<std::string> lines = outputs_.Describe("outputs", id);
  for (std::string& line : logs_.Describe("logs", id)) lines.push_back(std::move(line));
  return lines;
}

void RunOutputs::Forget(const AttemptId& id) {
  places_.erase(id);
  logs_.Forget(id);
  outputs_.Forget(id);
}

void RunOutputs::OnSession(bool open) {
  logs_.OnSession(open);
  outputs_.OnSession(open);
}

}  // namespace muster::agent
