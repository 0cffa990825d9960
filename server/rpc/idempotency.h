// The key that makes a repeated request get the first one's answer, and the digest that tells a
// repetition from another request under the same key.
#pragma once

#include <google/protobuf/message.h>

#include <string_view>
#include <vector>

#include "base/error.h"
#include "scheduler/model/command.h"

namespace muster::server {

inline constexpr std::size_t kMaxRequestIdBytes = 128;

// Adds a fault for the field "request_id" unless it is 1..128 printable ASCII characters.
void CheckRequestId(std::string_view request_id, std::vector<Fault>& faults);

// `request` has a string field "request_id" (MUSTER_CHECK), already checked: it becomes the key.
// The digest is of `method` (full gRPC path), the caller's user and the rest of the request in
// deterministic form.
scheduler::Idempotency IdempotencyOf(std::string_view method, const scheduler::Principal& principal,
                                     const google::protobuf::Message& request);

}  // namespace muster::server
