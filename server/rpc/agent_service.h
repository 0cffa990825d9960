// The agents' RPCs: sessions, certificates, blobs for staging, logs.
#pragma once

#include <atomic>

#include "muster/v1/agent.grpc.pb.h"
#include "server/rpc/placement_cache.h"
#include "server/rpc/rpc_parts.h"

namespace muster::server {

class AgentService final : public muster::v1::AgentService::CallbackService {
 public:
  // `parts` must outlive the service.
  explicit AgentService(const RpcParts& parts) : parts_(parts) {}

  grpc::ServerUnaryReactor* Enroll(grpc::CallbackServerContext* context,
                                   const muster::v1::EnrollRequest* request,
                                   muster::v1::EnrollReply* reply) override;
  grpc::ServerUnaryReactor* RenewCertificate(grpc::CallbackServerContext* context,
                                             const muster::v1::RenewCertificateRequest* request,
                                             muster::v1::RenewCertificateReply* reply) override;
  grpc::ServerBidiReactor<muster::v1::AgentMessage, muster::v1::ServerMessage>* Session(
      grpc::CallbackServerContext* context) override;
  grpc::ServerWriteReactor<muster::v1::ReadBlobChunk>* ReadBlob(
      grpc::CallbackServerContext* context, const muster::v1::ReadBlobRequest* request) override;
  grpc::ServerUnaryReactor* AppendRunFile(grpc::CallbackServerContext* context,
                                          const muster::v1::AppendRunFileRequest* request,
                                          muster::v1::AppendRunFileReply* reply) override;

 private:
  struct Append;
  void StartAppend(const Append& append, const WorkspaceName& workspace);

  const RpcParts& parts_;
  std::atomic<std::uint64_t> next_session_ = 1;
  PlacementCache placements_;
};

}  // namespace muster::server
