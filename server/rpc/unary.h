// Ends unary calls.
#pragma once

#include <grpcpp/support/server_callback.h>

#include "base/error.h"
#include "server/rpc/status.h"

namespace muster::server {

inline grpc::ServerUnaryReactor* FinishWith(grpc::ServerUnaryReactor* reactor, const Error& error) {
  reactor->Finish(ToGrpcStatus(error));
  return reactor;
}

// For a full queue of readers or of disk work.
inline Error Overloaded() {
  return Error{ErrorCode::kResourceExhausted, ErrorReason::kTooMany,
               "the server has too many requests waiting for its disk; try again"};
}

}  // namespace muster::server
