#include "base/error.h"

#include "base/check.h"

namespace muster {

std::string_view CodeName(ErrorCode code) {
  switch (code) {
    case ErrorCode::kCancelled:
      return "CANCELLED";
    case ErrorCode::kInvalidArgument:
      return "INVALID_ARGUMENT";
    case ErrorCode::kDeadlineExceeded:
      return "DEADLINE_EXCEEDED";
    case ErrorCode::kNotFound:
      return "NOT_FOUND";
    case ErrorCode::kAlreadyExists:
      return "ALREADY_EXISTS";
    case ErrorCode::kPermissionDenied:
      return "PERMISSION_DENIED";
    case ErrorCode::kResourceExhausted:
      return "RESOURCE_EXHAUSTED";
    case ErrorCode::kFailedPrecondition:
      return "FAILED_PRECONDITION";
    case ErrorCode::kAborted:
      return "ABORTED";
    case ErrorCode::kOutOfRange:
      return "OUT_OF_RANGE";
    case ErrorCode::kUnimplemented:
      return "UNIMPLEMENTED";
    case ErrorCode::kInternal:
      return "INTERNAL";
    case ErrorCode::kUnavailable:
      return "UNAVAILABLE";
    case ErrorCode::kDataLoss:
      return "DATA_LOSS";
    case ErrorCode::kUnauthenticated:
      return "UNAUTHENTICATED";
  }
  MUSTER_CHECK(false, "unknown error code");
}

// NOLINTNEXTLINE(readability-function-size): a table, one entry a reason
std::string_view ReasonName(ErrorReason reason) {
  switch (reason) {
    case ErrorReason::kUnspecified:
      return "UNSPECIFIED";
    case ErrorReason::kInvalidSpec:
      return "INVALID_SPEC";
    case ErrorReason::kInfeasible:
      return "INFEASIBLE";
    case ErrorReason::kUnknownPool:
      return "UNKNOWN_POOL";
    case ErrorReason::kUnknownDatastore:
      return "UNKNOWN_DATASTORE";
    case ErrorReason::kUnknownJob:
      return "UNKNOWN_JOB";
    case ErrorReason::kUnknownNode:
      return "UNKNOWN_NODE";
    case ErrorReason::kUnknownWorkspace:
      return "UNKNOWN_WORKSPACE";
    case ErrorReason::kUnknownToken:
      return "UNKNOWN_TOKEN";
    case ErrorReason::kUnknownBlob:
      return "UNKNOWN_BLOB";
    case ErrorReason::kUnknownRunFile:
      return "UNKNOWN_RUN_FILE";
    case ErrorReason::kUnknownRun:
      return "UNKNOWN_RUN";
    case ErrorReason::kIdempotencyKeyReused:
      return "IDEMPOTENCY_KEY_REUSED";
    case ErrorReason::kNameTaken:
      return "NAME_TAKEN";
    case ErrorReason::kInUse:
      return "IN_USE";
    case ErrorReason::kJobEnded:
      return "JOB_ENDED";
    case ErrorReason::kDiskReserve:
      return "DISK_RESERVE";
    case ErrorReason::kTooLarge:
      return "TOO_LARGE";
    case ErrorReason::kTooMany:
      return "TOO_MANY";
    case ErrorReason::kDigestMismatch:
      return "DIGEST_MISMATCH";
    case ErrorReason::kSlowReader:
      return "SLOW_READER";
    case ErrorReason::kBadToken:
      return "BAD_TOKEN";
    case ErrorReason::kExpiredToken:
      return "EXPIRED_TOKEN";
    case ErrorReason::kRevoked:
      return "REVOKED";
    case ErrorReason::kWrongRole:
      return "WRONG_ROLE";
    case ErrorReason::kWrongWorkspace:
      return "WRONG_WORKSPACE";
    case ErrorReason::kShuttingDown:
      return "SHUTTING_DOWN";
    case ErrorReason::kCorruptState:
      return "CORRUPT_STATE";
    case ErrorReason::kStateLocked:
      return "STATE_LOCKED";
    case ErrorReason::kSchemaTooNew:
      return "SCHEMA_TOO_NEW";
    case ErrorReason::kIo:
      return "IO";
    case ErrorReason::kUnsafePath:
      return "UNSAFE_PATH";
    case ErrorReason::kPackagesUnsupported:
      return "PACKAGES_UNSUPPORTED";
    case ErrorReason::kStaging:
      return "STAGING";
    case ErrorReason::kLaunch:
      return "LAUNCH";
  }
  MUSTER_CHECK(false, "unknown error reason");
}

Error InvalidSpec(std::vector<Fault> faults) {
  std::string message = faults.size() == 1 ? "the job specification has a fault:"
                                           : "the job specification has " +
                                                 std::to_string(faults.size()) + " faults:";
  for (const Fault& fault : faults) {
    message += "\n  " + fault.field + ": " + fault.message;
  }
  return Error{ErrorCode::kInvalidArgument, ErrorReason::kInvalidSpec, std::move(message),
               std::move(faults)};
}

}  // namespace muster
