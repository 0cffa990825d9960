#include "server/rpc/run_file_service.h"

#include <string>
#include <utility>

#include "server/auth/principal.h"
#include "server/rpc/field_checks.h"
#include "server/rpc/page_token.h"
#include "server/rpc/run_file_stream.h"
#include "server/rpc/unary.h"

namespace muster::server {
namespace {

namespace v1 = muster::v1;

}  // namespace

// Which files of which attempt.
struct RunFileService::ListOrder {
  WorkspaceName workspace;
  JobId job;
  std::uint32_t attempt = 0;  // 0: the newest
  std::string after;
  std::size_t max_files = 0;
};

Result<RunFileService::ListOrder> RunFileService::DecodeList(
    const scheduler::Principal& caller, const v1::ListRunFilesRequest& request) {
  ListOrder order;
  MUSTER_ASSIGN(order.workspace, WorkspaceFor(caller, request.workspace()));
  MUSTER_ASSIGN(order.after, DecodeNamePageToken(request.page_token()));
  MUSTER_ASSIGN(order.max_files, DecodePageSize(request.page_size()));
  order.job = JobId(request.job_id());
  order.attempt = request.attempt();
  return order;
}

grpc::ServerUnaryReactor* RunFileService::ListRunFiles(grpc::CallbackServerContext* context,
                                                       const v1::ListRunFilesRequest* request,
                                                       v1::ListRunFilesReply* reply) {
  auto* reactor = context->DefaultReactor();
  Result<ListOrder> order = DecodeList(PrincipalOf(*context), *request);
  if (!order) return FinishWith(reactor, order.error());
  const bool queued = parts_.history.Submit(
      [this, reactor, reply, order = std::move(*order)](storage::History& history) {
        const Status listed = List(order, history, *reply);
        reactor->Finish(listed ? grpc::Status::OK : ToGrpcStatus(listed.error()));
      });
  return queued ? reactor : FinishWith(reactor, Overloaded());
}

Status RunFileService::List(const ListOrder& order, storage::History& history,
                            v1::ListRunFilesReply& reply) const {
  const auto record = history.GetJob(order.workspace, order.job);
  if (!record) return Fail(StateUnread(record.error()));
  if (!*record) {
    return Fail(ErrorCode::kNotFound, ErrorReason::kUnknownJob,
                "there is no job \"" + CutForFault(order.job.str()) + "\" in this workspace");
  }
  const std::uint32_t attempt = order.attempt == 0 ? (*record)->job.attempt_count : order.attempt;
  if (attempt == 0) return {};  // nothing has run yet
  reply.set_attempt(attempt);
  // One more than is shown tells whether there are more.
  MUSTER_ASSIGN(auto files, parts_.run_files.List(order.workspace, AttemptId{order.job, attempt},
                                                  order.after, order.max_files + 1));
  if (files.size() > order.max_files) {
    files.resize(order.max_files);
    reply.set_next_page_token(EncodeNamePageToken(files.back().name));
  }
  for (const storage::RunFileInfo& file : files) {
    v1::RunFile& entry = *reply.add_files();
    entry.set_name(file.name);
    entry.set_size_bytes(file.size_bytes);
  }
  return {};
}

grpc::ServerWriteReactor<v1::RunFileChunk>* RunFileService::ReadRunFile(
    grpc::CallbackServerContext* context, const v1::ReadRunFileRequest* request) {
  const auto stream = std::make_shared<RunFileStream>(parts_, context, *request);
  auto* reactor = stream->Own(parts_.stalls);
  const scheduler::Principal caller = PrincipalOf(*context);
  if (!stream->Admit(parts_.tickets, caller)) return reactor;
  stream->Begin(WorkspaceFor(caller, request->workspace()));
  return reactor;
}

}  // namespace muster::server
