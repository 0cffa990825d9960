// What a failed call means for the user.
#pragma once

#include <grpcpp/support/status.h>

#include <string>
#include <string_view>

#include "cli/outcome.h"

namespace muster::cli {

// kUnreachable for UNAVAILABLE and DEADLINE_EXCEEDED, kRefused for everything else.
ExitCode ExitCodeOf(grpc::StatusCode code);

// A status that is not OK, as a failure: sentence, faults and reason as the server sent them. When
// nobody answered, the sentence names the address, the cause and what to do.
Failure FailureOf(const grpc::Status& status, std::string_view address);

// The words of gRPC's nested message that say why, for example "Connection refused".
std::string ConnectionCause(std::string_view message);

// The stable identifier the server sent, for example "UNKNOWN_RUN_FILE"; empty when it sent none.
std::string ReasonOf(const grpc::Status& status);

}  // namespace muster::cli
