// The agents' RPCs: sessions, certificates, blobs for staging, logs.
#pragma once

#include <atomic>

#include "muster/v1/agent.grpc.pb.h"
#include "server/rpc/log_intake.h"
#include "server/rpc/rpc_parts.h"
#include "server/tracking/attempt_calls.h"
#include "server/tracking/spool_intake.h"

namespace muster::server {

class AgentService final : public muster::v1::AgentService::CallbackService {
 public:
  // All of them must outlive the service.
  AgentService(const RpcParts& parts, SpoolIntake& spools, const AttemptCalls& calls)
      : parts_(parts), spools_(spools), calls_(calls) {}

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
  grpc::ServerUnaryReactor* AppendTracking(grpc::CallbackServerContext* context,
                                           const muster::v1::AppendTrackingRequest* request,
                                           muster::v1::AppendTrackingReply* reply) override;
  grpc::ServerUnaryReactor* CallForAttempt(grpc::CallbackServerContext* context,
                                           const muster::v1::CallForAttemptRequest* request,
                                           muster::v1::CallForAttemptReply* reply) override;

 private:
  const RpcParts& parts_;
  SpoolIntake& spools_;
  const AttemptCalls& calls_;
  std::atomic<std::uint64_t> next_session_ = 1;
  LogIntake logs_{parts_};
};

}  // namespace muster::server
