#include "server/rpc/status.h"

#include "base/log.h"
#include "muster/v1/common.pb.h"

namespace muster::server {
namespace {

constexpr std::size_t kMaxFaultValueBytes = 200;
// Message and details travel as HTTP/2 metadata, of which a peer takes 8 KiB by default:
// percent-encoded the one, as base64 the other.
constexpr std::size_t kMaxDetailBytes = 3 * 1024;
constexpr std::size_t kMaxEncodedMessageBytes = 3 * 1024;

std::string CutMessage(const std::string& message) {
  std::size_t encoded = 0;
  for (std::size_t i = 0; i < message.size(); ++i) {
    const char c = message[i];
    encoded += c >= ' ' && c <= '~' && c != '%' ? 1 : 3;
    if (encoded > kMaxEncodedMessageBytes) return CutUtf8(message, i) + "...";
  }
  return message;
}

grpc::StatusCode ToGrpcCode(ErrorCode code) {
  switch (code) {
    case ErrorCode::kCancelled:
      return grpc::StatusCode::CANCELLED;
    case ErrorCode::kInvalidArgument:
      return grpc::StatusCode::INVALID_ARGUMENT;
    case ErrorCode::kDeadlineExceeded:
      return grpc::StatusCode::DEADLINE_EXCEEDED;
    case ErrorCode::kNotFound:
      return grpc::StatusCode::NOT_FOUND;
    case ErrorCode::kAlreadyExists:
      return grpc::StatusCode::ALREADY_EXISTS;
    case ErrorCode::kPermissionDenied:
      return grpc::StatusCode::PERMISSION_DENIED;
    case ErrorCode::kResourceExhausted:
      return grpc::StatusCode::RESOURCE_EXHAUSTED;
    case ErrorCode::kFailedPrecondition:
      return grpc::StatusCode::FAILED_PRECONDITION;
    case ErrorCode::kAborted:
      return grpc::StatusCode::ABORTED;
    case ErrorCode::kOutOfRange:
      return grpc::StatusCode::OUT_OF_RANGE;
    case ErrorCode::kUnimplemented:
      return grpc::StatusCode::UNIMPLEMENTED;
    case ErrorCode::kInternal:
      return grpc::StatusCode::INTERNAL;
    case ErrorCode::kUnavailable:
      return grpc::StatusCode::UNAVAILABLE;
    case ErrorCode::kDataLoss:
      return grpc::StatusCode::DATA_LOSS;
    case ErrorCode::kUnauthenticated:
      return grpc::StatusCode::UNAUTHENTICATED;
  }
  return grpc::StatusCode::UNKNOWN;
}

}  // namespace

std::string CutUtf8(std::string_view text, std::size_t size) {
  if (text.size() <= size) return std::string(text);
  const auto continues = [&](std::size_t at) {
    return (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80U;
  };
  while (size > 0 && continues(size)) --size;
  return std::string(text.substr(0, size));
}

Error StateUnread(const Error& error) {
  Log(LogLevel::kError, "state_read_failed", {{"error", error.message}});
  return Error{error.code, error.reason, "the server could not read its state; its log says more"};
}

grpc::Status ToGrpcStatus(const Error& error) {
  v1::ErrorDetail detail;
  detail.set_reason(std::string(ReasonName(error.reason)));
  for (const Fault& fault : error.faults) {
    v1::Fault& encoded = *detail.add_faults();
    encoded.set_field(fault.field);
    encoded.set_value(CutUtf8(fault.value, kMaxFaultValueBytes));
    encoded.set_message(fault.message);
    if (detail.ByteSizeLong() > kMaxDetailBytes) {
      detail.mutable_faults()->RemoveLast();
      break;
    }
  }
  return grpc::Status(ToGrpcCode(error.code), CutMessage(error.message),
                      detail.SerializeAsString());
}

}  // namespace muster::server
