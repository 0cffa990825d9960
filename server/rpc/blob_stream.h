// Sends a blob to an agent, chunk by chunk.
#pragma once

#include "base/digest.h"
#include "muster/v1/agent.pb.h"
#include "server/rpc/rpc_parts.h"
#include "server/rpc/write_stream.h"

namespace muster::server {

class BlobStream final : public WriteStream<muster::v1::ReadBlobChunk> {
 public:
  // Refuses, once started, unless an attempt that holds `node` needs the blob.
  BlobStream(const RpcParts& parts, grpc::CallbackServerContext* context, NodeId node,
             std::string digest, std::uint64_t offset)
      : WriteStream(context, parts.limits.stall_timeout),
        parts_(parts),
        node_(std::move(node)),
        digest_text_(std::move(digest)),
        offset_(offset) {}
  // Call once, after Own.
  void Begin();

 private:
  void Next() override;
  bool IsTooSlow(SteadyPoint) const override { return false; }
  void Forget() override {}
  void Read();
  void Refuse(const Error& error);
  std::shared_ptr<BlobStream> Self() {
    return std::static_pointer_cast<BlobStream>(shared_from_this());
  }

  const RpcParts& parts_;
  const NodeId node_;
  const std::string digest_text_;
  Digest digest_;
  std::uint64_t offset_;
};

}  // namespace muster::server
