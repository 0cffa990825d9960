#include "server/rpc/bounded_decode.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>
#include <grpcpp/support/proto_buffer_reader.h>

#include <string>

namespace muster::server {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::internal::WireFormatLite;
using Input = google::protobuf::io::CodedInputStream;

// Of our messages; protobuf itself allows 100.
constexpr int kMaxDepth = 16;

Error Malformed(const Descriptor& type) {
  return Error{ErrorCode::kInvalidArgument, ErrorReason::kInvalidSpec,
               "the request is no well-formed " + type.name()};
}

class FieldCount {
 public:
  explicit FieldCount(std::size_t max_fields) : max_fields_(max_fields) {}

  // To the end of the input, or of the limit that is set on it.
  Status Count(Input& input, const Descriptor& type, int depth) {
    if (depth > kMaxDepth) return Fail(Malformed(type));
    while (const std::uint32_t tag = input.ReadTag()) {
      if (++fields_ > max_fields_) {
        return Fail(ErrorCode::kInvalidArgument, ErrorReason::kTooMany,
                    "the request has more than " + std::to_string(max_fields_) +
                        " values; put large inputs into the source directory or a datastore");
      }
      MUSTER_TRY(Pass(input, tag, type, depth));
    }
    return {};
  }

 private:
  Status Pass(Input& input, std::uint32_t tag, const Descriptor& type, int depth) {
    const auto wire = WireFormatLite::GetTagWireType(tag);
    // No proto3 message has groups, and their parts would not be counted.
    if (wire == WireFormatLite::WIRETYPE_START_GROUP) return Fail(Malformed(type));
    const FieldDescriptor* field = type.FindFieldByNumber(WireFormatLite::GetTagFieldNumber(tag));
    const bool is_nested = wire == WireFormatLite::WIRETYPE_LENGTH_DELIMITED && field != nullptr &&
                           field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE;
    if (!is_nested) {
      if (!WireFormatLite::SkipField(&input, tag)) return Fail(Malformed(type));
      return {};
    }
    std::uint32_t length = 0;
    if (!input.ReadVarint32(&length)) return Fail(Malformed(type));
    const Input::Limit outer = input.PushLimit(static_cast<int>(length));
    MUSTER_TRY(Count(input, *field->message_type(), depth + 1));
    if (input.BytesUntilLimit() != 0) return Fail(Malformed(type));
    input.PopLimit(outer);
    return {};
  }

  const std::size_t max_fields_;
  std::size_t fields_ = 0;
};

}  // namespace

Status DecodeBounded(const grpc::ByteBuffer& raw, google::protobuf::Message& message,
                     std::size_t max_fields) {
  const Descriptor& type = *message.GetDescriptor();
  grpc::ByteBuffer buffer(raw);  // shares the bytes
  {
    grpc::ProtoBufferReader reader(&buffer);
    Input input(&reader);
    MUSTER_TRY(FieldCount(max_fields).Count(input, type, 0));
  }
  grpc::ProtoBufferReader reader(&buffer);
  if (!message.ParseFromZeroCopyStream(&reader)) return Fail(Malformed(type));
  return {};
}

grpc::ByteBuffer Encode(const google::protobuf::Message& message) {
  const grpc::Slice slice(message.SerializeAsString());
  return grpc::ByteBuffer(&slice, 1);
}

}  // namespace muster::server
