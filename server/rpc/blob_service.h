// Clients upload content-addressed blobs.
#pragma once

#include <atomic>

#include "muster/v1/files.grpc.pb.h"
#include "server/rpc/rpc_parts.h"

namespace muster::server {

class BlobService final : public muster::v1::BlobService::CallbackService {
 public:
  // `parts` must outlive the service.
  explicit BlobService(const RpcParts& parts) : parts_(parts) {}

  grpc::ServerUnaryReactor* FindMissingBlobs(grpc::CallbackServerContext* context,
                                             const muster::v1::FindMissingBlobsRequest* request,
                                             muster::v1::FindMissingBlobsReply* reply) override;
  grpc::ServerReadReactor<muster::v1::UploadBlobRequest>* UploadBlob(
      grpc::CallbackServerContext* context, muster::v1::UploadBlobReply* reply) override;

 private:
  const RpcParts& parts_;
  std::atomic<std::size_t> uploads_ = 0;
};

}  // namespace muster::server
