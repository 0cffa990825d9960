// Takes what agents send of their attempts' spools: who may, then one turn of decoding on a thread
// of the pool, then one change of the run record a call.
#pragma once

#include <grpcpp/support/server_callback.h>

#include <memory>

#include "base/ids.h"
#include "muster/v1/agent.pb.h"
#include "server/loop/worker_pool.h"
#include "server/rpc/placement_cache.h"
#include "server/tracking/tracking_parts.h"

namespace muster::server {

// Thread-safe. A call holds the core's thread for the look-up of an attempt that is new to it
// alone.
class SpoolIntake {
 public:
  // Both must outlive it.
  SpoolIntake(const TrackingParts& parts, WorkerPool& workers) : parts_(parts), workers_(workers) {}

  // `request` and `reply` live until the reactor is finished, which happens exactly once.
  void Take(const NodeId& node, const muster::v1::AppendTrackingRequest& request,
            muster::v1::AppendTrackingReply& reply, grpc::ServerUnaryReactor* reactor);

 private:
  struct Call;
  using CallPointer = std::shared_ptr<Call>;

  void Start(const CallPointer& call);
  void Parse(const CallPointer& call);
  // Submits; the job may have no row yet, and is then looked up, once.
  void Submit(const CallPointer& call);
  void LookUpJob(const CallPointer& call);

  const TrackingParts& parts_;
  WorkerPool& workers_;
  PlacementCache placements_;
};

}  // namespace muster::server
