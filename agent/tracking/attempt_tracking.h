// All that an agent does for what scripts say of their runs. On the loop's thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/exec/runner.h"
#include "agent/logs/log_shipper.h"
#include "agent/tracking/call_listener.h"
#include "agent/tracking/poke_listener.h"
#include "agent/tracking/spool_shipper.h"
#include "agent/tracking/tracking_sink.h"

namespace muster::agent {

class AttemptTracking {
 public:
  // Both sinks outlive it. `files` takes what scripts upload.
  AttemptTracking(boost::asio::io_context& loop, TrackingSink& sink, AppendSink& files,
                  NodeId node);
  ~AttemptTracking();

  // Makes the sockets and follows spools and uploads. `alone`: no other node has the attempt.
  // Repeating it is harmless; what fails is logged, and the attempt goes on without.
  void Follow(const AttemptId& id, const AttemptPlace& place, bool alone);
  // No process of the attempt is left. `on_shipped` as SpoolShipper's, once the uploads are shipped
  // as well.
  void ShipRest(const AttemptId& id, SpoolShipper::OnShipped on_shipped);
  // For people, once shipped: what scripts have uploaded.
  std::vector<std::string> Describe(const AttemptId& id) const {
    return uploads_.Describe("uploads", id);
  }
  void Forget(const AttemptId& id);
  void OnSession(bool open);

 private:
  struct Listeners {
    std::shared_ptr<PokeListener> pokes;
    std::shared_ptr<CallListener> calls;
  };
  void Listen(const AttemptId& id, const AttemptPlace& place);
  void StopListening(const AttemptId& id);

  boost::asio::io_context& loop_;
  TrackingSink& sink_;
  const NodeId node_;
  SpoolShipper spools_;
  LogShipper uploads_;
  std::map<AttemptId, Listeners> listeners_;
};

}  // namespace muster::agent
