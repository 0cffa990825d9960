// The one error type. `code` is the subset of gRPC's codes in use, `reason` is stable and for
// machines, `message` is one sentence for a person that names the thing, the value and the limit.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace muster {

enum class ErrorCode : std::uint8_t {
  kCancelled,
  kInvalidArgument,
  kDeadlineExceeded,
  kNotFound,
  kAlreadyExists,
  kPermissionDenied,
  kResourceExhausted,
  kFailedPrecondition,
  kAborted,
  kOutOfRange,
  kUnimplemented,
  kInternal,
  kUnavailable,
  kDataLoss,
  kUnauthenticated,
};

// Stable identifiers, part of the public API (sent as the string of ReasonName).
enum class ErrorReason : std::uint8_t {
  kUnspecified,
  kInvalidSpec,
  kInfeasible,
  kUnknownPool,
  kUnknownDatastore,
  kUnknownJob,
  kUnknownNode,
  kUnknownWorkspace,
  kUnknownToken,
  kUnknownBlob,
  kUnknownRunFile,
  kUnknownRun,
  kIdempotencyKeyReused,
  kNameTaken,
  kInUse,
  kJobEnded,
  kDiskReserve,
  kTooLarge,
  kTooMany,
  kDigestMismatch,
  kSlowReader,
  kBadToken,
  kExpiredToken,
  kRevoked,
  kWrongRole,
  kWrongWorkspace,
  kShuttingDown,
  kCorruptState,
  kStateLocked,
  kSchemaTooNew,
  kIo,
  kUnsafePath,
  kPackagesUnsupported,
  kStaging,
  kLaunch,
};

// One fault of a validated message. `field` is a path such as "data_references[2].path".
struct Fault {
  std::string field;
  std::string value;
  std::string message;  // one sentence: what is wrong, the limit, what would work

  friend bool operator==(const Fault&, const Fault&) = default;
};

struct Error {
  ErrorCode code = ErrorCode::kInternal;
  ErrorReason reason = ErrorReason::kUnspecified;
  std::string message;
  std::vector<Fault> faults = {};  // filled for kInvalidArgument with several faults

  friend bool operator==(const Error&, const Error&) = default;
};

// "INVALID_ARGUMENT", "ALREADY_EXISTS"...
std::string_view CodeName(ErrorCode code);
// "INVALID_SPEC", "UNKNOWN_POOL"...
std::string_view ReasonName(ErrorReason reason);

// An INVALID_ARGUMENT whose message lists every fault on a line of its own.
Error InvalidSpec(std::vector<Fault> faults);

}  // namespace muster
