// Takes what agents send of their attempts' logs: who may write where, then one turn of disk work a
// call, then whoever reads along is woken.
#pragma once

#include <grpcpp/support/server_callback.h>

#include <optional>

#include "base/error.h"
#include "base/ids.h"
#include "muster/v1/agent.pb.h"
#include "server/rpc/file_owners.h"
#include "server/rpc/placement_cache.h"
#include "server/rpc/rpc_parts.h"

namespace muster::server {

// Thread-safe. A call holds the core's thread for the look-up of attempts that are new to it alone.
class LogIntake {
 public:
  // `parts` must outlive it.
  explicit LogIntake(const RpcParts& parts) : parts_(parts) {}

  // `request` and `reply` live until the reactor is finished, which happens exactly once.
  void Take(const NodeId& node, const muster::v1::AppendRunFilesRequest& request,
            muster::v1::AppendRunFilesReply& reply, grpc::ServerUnaryReactor* reactor);

 private:
  struct Call;
  void Start(std::shared_ptr<Call> call);
  void Write(Call& call);
  // Why the part is not taken, if it is not.
  std::optional<Error> Refusal(const Call& call, int part_number);

  const RpcParts& parts_;
  PlacementCache placements_;
  FileOwners owners_;
};

}  // namespace muster::server
