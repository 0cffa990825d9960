// The one place where an Error becomes a grpc::Status (message, and ErrorDetail as binary details).
#pragma once

#include <grpcpp/support/status.h>

#include "base/error.h"

namespace muster::server {

grpc::Status ToGrpcStatus(const Error& error);

}  // namespace muster::server
