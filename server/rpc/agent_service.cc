#include "server/rpc/agent_service.h"

#include <memory>
#include <utility>

#include "server/auth/principal.h"
#include "server/rpc/agent_session.h"
#include "server/rpc/blob_stream.h"
#include "server/rpc/unary.h"

namespace muster::server {
namespace {

namespace v1 = muster::v1;

}  // namespace

grpc::ServerUnaryReactor* AgentService::Enroll(grpc::CallbackServerContext* context,
                                               const v1::EnrollRequest* request,
                                               v1::EnrollReply* reply) {
  auto* reactor = context->DefaultReactor();
  const scheduler::Principal caller = PrincipalOf(*context);
  Result<Enrolled> enrolled = parts_.enrollment.Enroll(caller, *request, ReadClock().wall);
  if (!enrolled) return FinishWith(reactor, enrolled.error());
  reply->set_node_id(enrolled->command.node.str());
  reply->set_certificate_pem(std::move(enrolled->certificate_pem));
  reply->set_ca_pem(std::move(enrolled->ca_pem));
  parts_.loop.Post(scheduler::Command{caller, std::move(enrolled->command)},
                   [reactor, reply](const Result<ReplyValue>& result) {
                     if (result) return reactor->Finish(grpc::Status::OK);
                     reply->Clear();
                     FinishWith(reactor, result.error());
                   });
  return reactor;
}

grpc::ServerUnaryReactor* AgentService::RenewCertificate(grpc::CallbackServerContext* context,
                                                         const v1::RenewCertificateRequest* request,
                                                         v1::RenewCertificateReply* reply) {
  auto* reactor = context->DefaultReactor();
  const scheduler::Principal caller = PrincipalOf(*context);
  Result<Renewed> renewed = parts_.enrollment.Renew(caller, *request, ReadClock().wall);
  if (!renewed) return FinishWith(reactor, renewed.error());
  reply->set_certificate_pem(std::move(renewed->certificate_pem));
  parts_.loop.Post(scheduler::Command{caller, std::move(renewed->command)},
                   [reactor, reply](const Result<ReplyValue>& result) {
                     if (result) return reactor->Finish(grpc::Status::OK);
                     reply->Clear();
                     FinishWith(reactor, result.error());
                   });
  return reactor;
}

grpc::ServerBidiReactor<v1::AgentMessage, v1::ServerMessage>* AgentService::Session(
    grpc::CallbackServerContext* context) {
  const auto session =
      std::make_shared<AgentSession>(parts_, PrincipalOf(*context), next_session_.fetch_add(1));
  return session->Begin();
}

grpc::ServerWriteReactor<v1::ReadBlobChunk>* AgentService::ReadBlob(
    grpc::CallbackServerContext* context, const v1::ReadBlobRequest* request) {
  const scheduler::Principal caller = PrincipalOf(*context);
  const auto stream = std::make_shared<BlobStream>(parts_, context, caller.node, request->digest(),
                                                   request->offset());
  auto* reactor = stream->Own(parts_.stalls);
  if (stream->Admit(parts_.tickets, caller)) stream->Begin();
  return reactor;
}

grpc::ServerUnaryReactor* AgentService::AppendRunFiles(grpc::CallbackServerContext* context,
                                                       const v1::AppendRunFilesRequest* request,
                                                       v1::AppendRunFilesReply* reply) {
  auto* reactor = context->DefaultReactor();
  logs_.Take(PrincipalOf(*context).node, *request, *reply, reactor);
  return reactor;
}

grpc::ServerUnaryReactor* AgentService::AppendTracking(grpc::CallbackServerContext* context,
                                                       const v1::AppendTrackingRequest* request,
                                                       v1::AppendTrackingReply* reply) {
  auto* reactor = context->DefaultReactor();
  spools_.Take(PrincipalOf(*context).node, *request, *reply, reactor);
  return reactor;
}

grpc::ServerUnaryReactor* AgentService::CallForAttempt(grpc::CallbackServerContext* context,
                                                       const v1::CallForAttemptRequest* request,
                                                       v1::CallForAttemptReply* reply) {
  auto* reactor = context->DefaultReactor();
  calls_.Take(PrincipalOf(*context).node, *request, *reply, reactor);
  return reactor;
}

}  // namespace muster::server
