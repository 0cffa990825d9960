// PoolService of cluster.proto.
#pragma once

#include "muster/v1/cluster.grpc.pb.h"
#include "server/core_loop.h"

namespace muster::server {

// Called on gRPC's threads; answers from the core thread. Holds no state.
class PoolService final : public muster::v1::PoolService::CallbackService {
 public:
  // `loop` must outlive the gRPC server.
  explicit PoolService(CoreLoop& loop) : loop_(loop) {}

  grpc::ServerUnaryReactor* CreatePool(grpc::CallbackServerContext* context,
                                       const muster::v1::CreatePoolRequest* request,
                                       muster::v1::CreatePoolReply* reply) override;
  grpc::ServerUnaryReactor* UpdatePool(grpc::CallbackServerContext* context,
                                       const muster::v1::UpdatePoolRequest* request,
                                       muster::v1::UpdatePoolReply* reply) override;
  grpc::ServerUnaryReactor* DeletePool(grpc::CallbackServerContext* context,
                                       const muster::v1::DeletePoolRequest* request,
                                       muster::v1::DeletePoolReply* reply) override;
  grpc::ServerUnaryReactor* ListPools(grpc::CallbackServerContext* context,
                                      const muster::v1::ListPoolsRequest* request,
                                      muster::v1::ListPoolsReply* reply) override;

 private:
  CoreLoop& loop_;
};

}  // namespace muster::server
