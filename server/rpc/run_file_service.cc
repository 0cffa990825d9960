#include "server/rpc/run_file_service.h"

#include <utility>

#include "server/auth/principal.h"
#include "server/rpc/field_checks.h"
#include "server/rpc/run_file_stream.h"
#include "server/rpc/unary.h"

namespace muster::server {
namespace {

namespace v1 = muster::v1;

}  // namespace

grpc::ServerUnaryReactor* RunFileService::ListRunFiles(grpc::CallbackServerContext* context,
                                                       const v1::ListRunFilesRequest* request,
                                                       v1::ListRunFilesReply* reply) {
  auto* reactor = context->DefaultReactor();
  Result<WorkspaceName> workspace = WorkspaceFor(PrincipalOf(*context), request->workspace());
  if (!workspace) return FinishWith(reactor, workspace.error());
  const bool queued = parts_.history.Submit([this, reactor, reply, workspace = *workspace,
                                             id = JobId(request->job_id()),
                                             attempt =
                                                 request->attempt()](storage::History& history) {
    const auto record = history.GetJob(workspace, id);
    if (!record) return static_cast<void>(FinishWith(reactor, record.error()));
    if (!*record) {
      return static_cast<void>(FinishWith(
          reactor, Error{ErrorCode::kNotFound, ErrorReason::kUnknownJob,
                         "there is no job \"" + CutForFault(id.str()) + "\" in this workspace"}));
    }
    const std::uint32_t number = attempt == 0 ? (*record)->job.attempt_count : attempt;
    if (number == 0) return reactor->Finish(grpc::Status::OK);  // nothing has run yet
    const auto files = parts_.run_files.List(workspace, AttemptId{id, number});
    if (!files) return static_cast<void>(FinishWith(reactor, files.error()));
    for (const storage::RunFileInfo& file : *files) {
      v1::RunFile& entry = *reply->add_files();
      entry.set_name(file.name);
      entry.set_size_bytes(file.size_bytes);
    }
    reactor->Finish(grpc::Status::OK);
  });
  return queued ? reactor : FinishWith(reactor, Overloaded());
}

grpc::ServerWriteReactor<v1::RunFileChunk>* RunFileService::ReadRunFile(
    grpc::CallbackServerContext* context, const v1::ReadRunFileRequest* request) {
  const auto stream = std::make_shared<RunFileStream>(parts_, context, *request);
  auto* reactor = stream->Own(parts_.stalls);
  stream->Begin(WorkspaceFor(PrincipalOf(*context), request->workspace()));
  return reactor;
}

}  // namespace muster::server
