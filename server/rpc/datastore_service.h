// DatastoreService of cluster.proto.
#pragma once

#include <functional>
#include <utility>

#include "muster/v1/cluster.grpc.pb.h"
#include "server/core_loop.h"

namespace muster::server {

// Called on gRPC's threads; answers from the core thread. Holds no state.
class DatastoreService final : public muster::v1::DatastoreService::CallbackService {
 public:
  // `loop` must outlive the gRPC server. `on_registered` runs on the core thread, before the
  // answer.
  DatastoreService(CoreLoop& loop, std::function<void()> on_registered)
      : loop_(loop), on_registered_(std::move(on_registered)) {}

  grpc::ServerUnaryReactor* RegisterDatastore(grpc::CallbackServerContext* context,
                                              const muster::v1::RegisterDatastoreRequest* request,
                                              muster::v1::RegisterDatastoreReply* reply) override;
  grpc::ServerUnaryReactor* ListDatastores(grpc::CallbackServerContext* context,
                                           const muster::v1::ListDatastoresRequest* request,
                                           muster::v1::ListDatastoresReply* reply) override;

 private:
  CoreLoop& loop_;
  const std::function<void()> on_registered_;
};

}  // namespace muster::server
