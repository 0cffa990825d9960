#include "server/rpc/bounded_decode.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "muster/v1/jobs.pb.h"

namespace muster::server {
namespace {

namespace v1 = muster::v1;

grpc::ByteBuffer Raw(const std::string& bytes) {
  const grpc::Slice slice(bytes);
  return grpc::ByteBuffer(&slice, 1);
}

ErrorReason ReasonFor(const std::string& bytes) {
  v1::SubmitJobRequest message;
  const Status decoded = DecodeBounded(Raw(bytes), message);
  return decoded ? ErrorReason::kUnspecified : decoded.error().reason;
}

v1::SubmitJobRequest WithReferences(std::size_t count) {
  v1::SubmitJobRequest request;
  for (std::size_t i = 0; i < count; ++i) request.mutable_spec()->add_data_references();
  return request;
}

TEST(BoundedDecode, WhatWasEncodedComesBack) {
  v1::SubmitJobRequest request;
  request.set_request_id("r");
  request.mutable_spec()->set_experiment("digits");
  request.mutable_spec()->add_arguments("--rate");
  (*request.mutable_spec()->mutable_environment_variables())["A"] = "1";
  v1::SubmitJobRequest decoded;
  ASSERT_TRUE(DecodeBounded(Encode(request), decoded));
  EXPECT_EQ(decoded.SerializeAsString(), request.SerializeAsString());
}

TEST(BoundedDecode, NestedValuesCount) {
  // The specification itself is one.
  EXPECT_EQ(ReasonFor(WithReferences(kMaxFields - 1).SerializeAsString()),
            ErrorReason::kUnspecified);
  EXPECT_EQ(ReasonFor(WithReferences(kMaxFields).SerializeAsString()), ErrorReason::kTooMany);
}

TEST(BoundedDecode, UnknownValuesCountToo) {
  std::string unknown;
  for (std::size_t i = 0; i <= kMaxFields; ++i)
    unknown += std::string("\xf8\x07\x00", 3);  // no. 127
  EXPECT_EQ(ReasonFor(unknown), ErrorReason::kTooMany);
}

TEST(BoundedDecode, WhatIsNoSuchMessageIsRefused) {
  const std::string whole = WithReferences(3).SerializeAsString();
  EXPECT_EQ(ReasonFor(whole.substr(0, whole.size() - 1)), ErrorReason::kInvalidSpec);
  EXPECT_EQ(ReasonFor("\x1a\x7f"), ErrorReason::kInvalidSpec) << "a length beyond the end";
  EXPECT_EQ(ReasonFor("\x0b\x0c"), ErrorReason::kInvalidSpec) << "a group";
  EXPECT_EQ(ReasonFor("\xff\xff\xff"), ErrorReason::kInvalidSpec);
  EXPECT_EQ(ReasonFor("\x0a\x02\xff\xfe"), ErrorReason::kInvalidSpec) << "text that is not UTF-8";
}

}  // namespace
}  // namespace muster::server
