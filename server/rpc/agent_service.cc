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

constexpr std::size_t kMaxAppendBytes = std::size_t{1} << 20;
constexpr std::size_t kMaxRunFileName = 1'024;

}  // namespace

struct AgentService::Append {
  grpc::ServerUnaryReactor* reactor;
  const v1::AppendRunFileRequest* request;
  v1::AppendRunFileReply* reply;
  AttemptId attempt;
};

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
  const auto stream = std::make_shared<BlobStream>(parts_, context, PrincipalOf(*context).node,
                                                   request->digest(), request->offset());
  auto* reactor = stream->Own(parts_.stalls);
  stream->Begin();
  return reactor;
}

grpc::ServerUnaryReactor* AgentService::AppendRunFile(grpc::CallbackServerContext* context,
                                                      const v1::AppendRunFileRequest* request,
                                                      v1::AppendRunFileReply* reply) {
  auto* reactor = context->DefaultReactor();
  if (request->data().size() > kMaxAppendBytes || request->name().size() > kMaxRunFileName) {
    return FinishWith(reactor, Error{ErrorCode::kInvalidArgument, ErrorReason::kTooLarge,
                                     "a call adds at most 1 MiB to a file whose name has at most "
                                     "1,024 bytes"});
  }
  if (!parts_.disk.FitsLogs()) {
    return FinishWith(reactor, Error{ErrorCode::kResourceExhausted, ErrorReason::kDiskReserve,
                                     "the server's disk is nearly full; keep the rest for later"});
  }
  const NodeId node = PrincipalOf(*context).node;
  const Append append{reactor, request, reply,
                      AttemptId{JobId(request->job_id()), request->attempt()}};
  if (const auto known = placements_.Find(node, append.attempt, ReadClock().steady)) {
    StartAppend(append, *known);
    return reactor;
  }
  parts_.loop.Query([this, node, append](const Core& core, Now now) {
    const auto workspace = FindPlacement(core.state(), node, append.attempt);
    if (!workspace) {
      FinishWith(append.reactor,
                 Error{ErrorCode::kNotFound, ErrorReason::kUnknownJob,
                       "attempt " + ToString(append.attempt) + " is not on node " + node.str()});
      return;
    }
    placements_.Remember(node, append.attempt, *workspace, now.steady);
    StartAppend(append, *workspace);
  });
  return reactor;
}

void AgentService::StartAppend(const Append& append, const WorkspaceName& workspace) {
  const bool queued = parts_.io.Submit([this, append, workspace](std::size_t) {
    const v1::AppendRunFileRequest& request = *append.request;
    const Result<std::uint64_t> size = parts_.run_files.Append(
        workspace, append.attempt, request.name(), request.offset(), request.data(), /*sync=*/true);
    if (!size) {
      FinishWith(append.reactor, size.error());
      return;
    }
    append.reply->set_size_bytes(*size);
    const std::string key = RunFileKey(append.attempt, request.name());
    append.reactor->Finish(grpc::Status::OK);
    parts_.hub.Wake(key);
  });
  if (!queued) FinishWith(append.reactor, Overloaded());
}

}  // namespace muster::server
