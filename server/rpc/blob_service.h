// Clients upload content-addressed blobs.
#pragma once

#include <atomic>

#include "muster/v1/files.grpc.pb.h"
#include "server/rpc/rpc_parts.h"

namespace muster::server {

// FindMissingBlobs takes the raw message: see bounded_decode.h.
using BlobServiceBase = muster::v1::BlobService::WithRawCallbackMethod_FindMissingBlobs<
    muster::v1::BlobService::WithCallbackMethod_UploadBlob<muster::v1::BlobService::Service>>;

class BlobService final : public BlobServiceBase {
 public:
  // `parts` must outlive the service.
  explicit BlobService(const RpcParts& parts) : parts_(parts) {}

  grpc::ServerUnaryReactor* FindMissingBlobs(grpc::CallbackServerContext* context,
                                             const grpc::ByteBuffer* raw,
                                             grpc::ByteBuffer* reply) override;
  grpc::ServerReadReactor<muster::v1::UploadBlobRequest>* UploadBlob(
      grpc::CallbackServerContext* context, muster::v1::UploadBlobReply* reply) override;

 private:
  const RpcParts& parts_;
  std::atomic<std::size_t> uploads_ = 0;
};

}  // namespace muster::server
