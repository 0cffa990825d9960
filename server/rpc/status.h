// The one place where an Error becomes a grpc::Status (message, and ErrorDetail as binary details).
#pragma once

#include <grpcpp/support/status.h>

#include <cstddef>
#include <string>
#include <string_view>

#include "base/error.h"

namespace muster::server {

grpc::Status ToGrpcStatus(const Error& error);

// For an error of the state database: logs it, and gives what a client is told, which names no
// statement, column or path.
Error StateUnread(const Error& error);

// At most `size` bytes of the text, without half a character at the end.
std::string CutUtf8(std::string_view text, std::size_t size);

}  // namespace muster::server
