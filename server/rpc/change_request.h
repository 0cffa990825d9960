// What all calls share that change something, and all that read the core's state.
#pragma once

#include <google/protobuf/message.h>
#include <grpcpp/support/server_callback.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/result.h"
#include "scheduler/model/command.h"
#include "server/core_loop.h"

namespace muster::server {

// Who asks for a change, where, under which idempotency key.
struct ChangeRequest {
  scheduler::Principal principal;
  WorkspaceName workspace;
  scheduler::Idempotency idempotency;
};

// Checks the workspace against the caller, and the field "request_id" of `request`. `faults` are
// those that the caller found in its own fields: INVALID_ARGUMENT lists them together with the
// key's. `method` is the full path of the RPC.
Result<ChangeRequest> DecodeChange(const grpc::CallbackServerContext& context,
                                   std::string_view method,
                                   const google::protobuf::Message& request,
                                   const std::string& workspace, std::vector<Fault> faults);

// Posts the command and ends the call with what the core answers, once that is durable. `encode`
// runs before on the core thread and fills the reply.
grpc::ServerUnaryReactor* PostAndFinish(
    CoreLoop& loop, grpc::ServerUnaryReactor* reactor, scheduler::Command command,
    std::function<void(const ReplyValue&)> encode = [](const ReplyValue&) {});

// Runs `read` on the core thread and ends the call with its status. With a workspace: NOT_FOUND
// (kUnknownWorkspace) when there is none of this name.
using ReadState = std::function<Status(const Core&, Now)>;
grpc::ServerUnaryReactor* QueryAndFinish(CoreLoop& loop, grpc::ServerUnaryReactor* reactor,
                                         ReadState read);
grpc::ServerUnaryReactor* QueryAndFinish(CoreLoop& loop, grpc::ServerUnaryReactor* reactor,
                                         const WorkspaceName& workspace, ReadState read);

}  // namespace muster::server
