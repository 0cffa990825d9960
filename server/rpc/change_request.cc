#include "server/rpc/change_request.h"

#include <utility>

#include "server/auth/principal.h"
#include "server/rpc/idempotency.h"
#include "server/rpc/names.h"
#include "server/rpc/unary.h"

namespace muster::server {

Result<ChangeRequest> DecodeChange(const grpc::CallbackServerContext& context,
                                   std::string_view method,
                                   const google::protobuf::Message& request,
                                   const std::string& workspace, std::vector<Fault> faults) {
  ChangeRequest change;
  change.principal = PrincipalOf(context);
  MUSTER_ASSIGN(change.workspace, WorkspaceFor(change.principal, workspace));
  change.idempotency = IdempotencyOf(method, change.principal, request);
  CheckRequestId(change.idempotency.key, faults);
  if (!faults.empty()) return Fail(InvalidRequest(std::move(faults)));
  return change;
}

grpc::ServerUnaryReactor* PostAndFinish(CoreLoop& loop, grpc::ServerUnaryReactor* reactor,
                                        scheduler::Command command,
                                        std::function<void(const ReplyValue&)> encode) {
  loop.Post(std::move(command), [reactor, encode = std::move(encode)](Result<ReplyValue> reply) {
    if (!reply) {
      FinishWith(reactor, reply.error());
      return;
    }
    encode(*reply);
    reactor->Finish(grpc::Status::OK);
  });
  return reactor;
}

grpc::ServerUnaryReactor* QueryAndFinish(CoreLoop& loop, grpc::ServerUnaryReactor* reactor,
                                         ReadState read) {
  loop.Query([reactor, read = std::move(read)](const Core& core, Now now) {
    const Status status = read(core, now);
    reactor->Finish(status ? grpc::Status::OK : ToGrpcStatus(status.error()));
  });
  return reactor;
}

grpc::ServerUnaryReactor* QueryAndFinish(CoreLoop& loop, grpc::ServerUnaryReactor* reactor,
                                         const WorkspaceName& workspace, ReadState read) {
  return QueryAndFinish(loop, reactor,
                        [workspace, read = std::move(read)](const Core& core, Now now) -> Status {
                          if (!core.state().workspaces.contains(workspace))
                            return Fail(ErrorCode::kNotFound, ErrorReason::kUnknownWorkspace,
                                        "there is no workspace \"" + workspace.str() + "\"");
                          return read(core, now);
                        });
}

}  // namespace muster::server
