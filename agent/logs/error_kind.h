// What a refused call means for whoever has to bring something to the server.
#pragma once

#include "base/error.h"

namespace muster::agent {

// kGap: the server has less than was thought. kAway: the same again later. kRefused: the same call
// will be refused again. kFaulty: perhaps not.
enum class ErrorKind { kGap, kAway, kRefused, kFaulty };

inline ErrorKind KindOf(ErrorCode code) {
  switch (code) {
    case ErrorCode::kOutOfRange:
      return ErrorKind::kGap;
    case ErrorCode::kUnavailable:
    case ErrorCode::kDeadlineExceeded:
    case ErrorCode::kCancelled:
    case ErrorCode::kAborted:
    case ErrorCode::kUnauthenticated:
    case ErrorCode::kResourceExhausted:
      return ErrorKind::kAway;
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kNotFound:
    case ErrorCode::kAlreadyExists:
    case ErrorCode::kPermissionDenied:
    case ErrorCode::kFailedPrecondition:
    case ErrorCode::kUnimplemented:
      return ErrorKind::kRefused;
    case ErrorCode::kInternal:
    case ErrorCode::kDataLoss:
      return ErrorKind::kFaulty;
  }
  return ErrorKind::kFaulty;
}

}  // namespace muster::agent
