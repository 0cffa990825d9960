#include "cli/server_error.h"

#include <array>

#include "muster/v1/common.pb.h"

namespace muster::cli {
namespace {

namespace v1 = muster::v1;

ErrorCode CodeOf(grpc::StatusCode code) {
  constexpr std::array kCodes = {
      ErrorCode::kCancelled,         ErrorCode::kInvalidArgument,    ErrorCode::kDeadlineExceeded,
      ErrorCode::kNotFound,          ErrorCode::kAlreadyExists,      ErrorCode::kPermissionDenied,
      ErrorCode::kResourceExhausted, ErrorCode::kFailedPrecondition, ErrorCode::kAborted,
      ErrorCode::kOutOfRange,        ErrorCode::kUnimplemented,      ErrorCode::kUnavailable,
      ErrorCode::kDataLoss,          ErrorCode::kUnauthenticated};
  constexpr std::array kGrpcCodes = {
      grpc::CANCELLED,          grpc::INVALID_ARGUMENT,    grpc::DEADLINE_EXCEEDED,
      grpc::NOT_FOUND,          grpc::ALREADY_EXISTS,      grpc::PERMISSION_DENIED,
      grpc::RESOURCE_EXHAUSTED, grpc::FAILED_PRECONDITION, grpc::ABORTED,
      grpc::OUT_OF_RANGE,       grpc::UNIMPLEMENTED,       grpc::UNAVAILABLE,
      grpc::DATA_LOSS,          grpc::UNAUTHENTICATED};
  static_assert(kCodes.size() == kGrpcCodes.size());
  for (std::size_t i = 0; i < kCodes.size(); ++i) {
    if (kGrpcCodes.at(i) == code) return kCodes.at(i);
  }
  return ErrorCode::kInternal;
}

std::vector<Fault> FaultsOf(const v1::ErrorDetail& detail) {
  std::vector<Fault> faults;
  for (const v1::Fault& fault : detail.faults()) {
    faults.push_back({fault.field(), fault.value(), fault.message()});
  }
  return faults;
}

v1::ErrorDetail DetailOf(const grpc::Status& status) {
  v1::ErrorDetail detail;
  if (!detail.ParseFromString(status.error_details())) detail.Clear();
  return detail;
}

std::string UnreachableMessage(const grpc::Status& status, std::string_view address) {
  const std::string where = "cannot reach the server at " + std::string(address) + ": ";
  if (status.error_code() == grpc::DEADLINE_EXCEEDED) {
    return where +
           "no answer in time. Check that the address is right, that musterd runs there "
           "(systemctl status musterd) and that no firewall is between.";
  }
  return where + ConnectionCause(status.error_message()) +
         ". Check that musterd runs there (systemctl status musterd) and that the address is "
         "right; `muster login` changes it.";
}

std::string RefusedMessage(const grpc::Status& status, bool has_faults) {
  std::string message = status.error_message();
  // With faults, each gets a line of its own below: the sentence alone is wanted here.
  if (has_faults) message = message.substr(0, message.find('\n'));
  if (message.empty()) {
    message = "the server refused the call without saying why (code " +
              std::to_string(status.error_code()) + ")";
  }
  if (status.error_code() == grpc::UNAUTHENTICATED) {
    message += "; run `muster login` with a valid token";
  }
  return message;
}

}  // namespace

ExitCode ExitCodeOf(grpc::StatusCode code) {
  if (code == grpc::OK) return ExitCode::kOk;
  if (code == grpc::UNAVAILABLE || code == grpc::DEADLINE_EXCEEDED) return ExitCode::kUnreachable;
  return ExitCode::kRefused;
}

std::string ConnectionCause(std::string_view message) {
  // "failed to connect to all addresses; last error: UNKNOWN: ipv4:127.0.0.1:7677: Failed to
  // connect to remote host: Connection refused"
  // "...last error: UNAVAILABLE: ipv4:127.0.0.1:7677: recvmsg:Connection reset by peer"
  for (const std::string_view before : {"remote host: ", "recvmsg:", "last error: "}) {
    if (const auto at = message.rfind(before); at != std::string_view::npos) {
      return std::string(message.substr(at + before.size()));
    }
  }
  if (message.empty()) return "no answer";
  return std::string(message);
}

std::string ReasonOf(const grpc::Status& status) { return DetailOf(status).reason(); }

Failure FailureOf(const grpc::Status& status, std::string_view address) {
  const ExitCode exit_code = ExitCodeOf(status.error_code());
  Error error;
  error.code = CodeOf(status.error_code());
  if (exit_code == ExitCode::kUnreachable) {
    error.message = UnreachableMessage(status, address);
  } else {
    error.faults = FaultsOf(DetailOf(status));
    error.message = RefusedMessage(status, !error.faults.empty());
  }
  return Failure(exit_code, std::move(error));
}

}  // namespace muster::cli
