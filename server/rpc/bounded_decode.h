// Decodes a request that clients fill with many small parts: two bytes on the wire can make an
// object of a hundred, so that a message within the limit of the port could take a hundred times
// its size. Its parts are counted before any is made.
#pragma once

#include <google/protobuf/message.h>
#include <grpcpp/support/byte_buffer.h>

#include <cstddef>

#include "base/result.h"

namespace muster::server {

// Fields with a value on the wire, those of nested messages included. More than any request that is
// valid has.
inline constexpr std::size_t kMaxFields = 50'000;

// INVALID_ARGUMENT (kTooMany) for more fields than that, and for what is no such message.
Status DecodeBounded(const grpc::ByteBuffer& raw, google::protobuf::Message& message,
                     std::size_t max_fields = kMaxFields);

grpc::ByteBuffer Encode(const google::protobuf::Message& message);

}  // namespace muster::server
