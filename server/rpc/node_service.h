// NodeService of cluster.proto.
#pragma once

#include "muster/v1/cluster.grpc.pb.h"
#include "server/core_loop.h"

namespace muster::server {

// Called on gRPC's threads; answers from the core thread. Holds no state.
class NodeService final : public muster::v1::NodeService::CallbackService {
 public:
  // `loop` must outlive the gRPC server.
  explicit NodeService(CoreLoop& loop) : loop_(loop) {}

  grpc::ServerUnaryReactor* ListNodes(grpc::CallbackServerContext* context,
                                      const muster::v1::ListNodesRequest* request,
                                      muster::v1::ListNodesReply* reply) override;
  grpc::ServerUnaryReactor* GetNode(grpc::CallbackServerContext* context,
                                    const muster::v1::GetNodeRequest* request,
                                    muster::v1::GetNodeReply* reply) override;
  grpc::ServerUnaryReactor* CordonNode(grpc::CallbackServerContext* context,
                                       const muster::v1::CordonNodeRequest* request,
                                       muster::v1::CordonNodeReply* reply) override;
  grpc::ServerUnaryReactor* DrainNode(grpc::CallbackServerContext* context,
                                      const muster::v1::DrainNodeRequest* request,
                                      muster::v1::DrainNodeReply* reply) override;
  grpc::ServerUnaryReactor* DeclareNodeLost(grpc::CallbackServerContext* context,
                                            const muster::v1::DeclareNodeLostRequest* request,
                                            muster::v1::DeclareNodeLostReply* reply) override;
  grpc::ServerUnaryReactor* RemoveNode(grpc::CallbackServerContext* context,
                                       const muster::v1::RemoveNodeRequest* request,
                                       muster::v1::RemoveNodeReply* reply) override;

 private:
  CoreLoop& loop_;
};

}  // namespace muster::server
