#include <utility>
// <utility> first: this Boost's Asio needs it.
#include "agent/tracking/attempt_sockets.h"
#include "agent/tracking/attempt_tracking.h"
#include "base/log.h"

namespace muster::agent {
namespace {

LogShipperConfig UploadConfig() {
  LogShipperConfig config;
  config.depth = LogDirectory::Depth::kAll;
  config.final_files = true;
  config.max_calls = 8;
  config.max_files_per_attempt = 20'000;
  config.poll_unwatched = config.poll;
  return config;
}

}  // namespace

AttemptTracking::AttemptTracking(boost::asio::io_context& loop, TrackingSink& sink,
                                 AppendSink& files, NodeId node)
    : loop_(loop),
      sink_(sink),
      node_(std::move(node)),
      spools_(loop, sink, {}),
      uploads_(loop, files, UploadConfig()) {}

AttemptTracking::~AttemptTracking() {
  while (!listeners_.empty()) StopListening(AttemptId(listeners_.begin()->first));
}

void AttemptTracking::Follow(const AttemptId& id, const AttemptPlace& place, bool alone) {
  if (!listeners_.contains(id)) Listen(id, place);
  const std::string log =
      alone ? "tracking_refused.log" : "tracking_refused_" + node_.str() + ".log";
  spools_.Follow(id, {place.directory + "/tracking", place.directory + "/run",
                      place.directory + "/logs", log});
  uploads_.Follow(id, place.directory + "/tracking/files", "");
}

void AttemptTracking::Listen(const AttemptId& id, const AttemptPlace& place) {
  auto sockets = MakeSockets(place.directory, place.owner);
  if (!sockets) {
    Log(LogLevel::kWarning, "tracking_sockets_failed",
        {{"attempt", ToString(id)}, {"error", sockets.error().message}});
    return;
  }
  Listeners& listeners = listeners_[id];
  listeners.pokes = std::make_shared<PokeListener>(loop_, std::move(sockets->poke),
                                                   [this, id] { spools_.Poke(id); });
  listeners.calls = std::make_shared<CallListener>(loop_, std::move(sockets->calls), id, sink_,
                                                   CallListenerConfig{});
  listeners.pokes->Start();
  listeners.calls->Start();
}

void AttemptTracking::StopListening(const AttemptId& id) {
  const auto found = listeners_.find(id);
  if (found == listeners_.end()) return;
  found->second.pokes->Close();
  found->second.calls->Close();
  listeners_.erase(found);
}

void AttemptTracking::ShipRest(const AttemptId& id, SpoolShipper::OnShipped on_shipped) {
  StopListening(id);
  spools_.ShipRest(id, [this, id, on_shipped = std::move(on_shipped)](auto failure) {
    uploads_.ShipRest(id, [on_shipped, failure = std::move(failure)] { on_shipped(failure); });
  });
}

void AttemptTracking::Forget(const AttemptId& id) {
  StopListening(id);
  spools_.Forget(id);
  uploads_.Forget(id);
}

void AttemptTracking::OnSession(bool open) {
  spools_.OnSession(open);
  uploads_.OnSession(open);
}

}  // namespace muster::agent
