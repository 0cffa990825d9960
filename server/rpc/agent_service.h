// The agents' RPCs: sessions, certificates, blobs for staging, logs.
#pragma once

#include <atomic>

#include "muster/v1/agent.grpc.pb.h"
#include "server/rpc/log_intake.h"
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
  grpc::ServerUnaryReactor* AppendRunFiles(grpc::CallbackServerContext* context,
                                           const muster::v1::AppendRunFilesRequest* request,
                                           muster::v1::AppendRunFilesReply* reply) override;

 private:
  const RpcParts& parts_;
  std::atomic<std::uint64_t> next_session_ = 1;
  LogIntake logs_{parts_};
};

}  // namespace muster::server
