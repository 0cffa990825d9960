#include "server/rpc/idempotency.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <algorithm>
#include <memory>
#include <string>

#include "base/check.h"
#include "base/digest.h"
#include "server/rpc/status.h"

namespace muster::server {
namespace {

constexpr char kField[] = "request_id";

std::string SerializeDeterministically(const google::protobuf::Message& message) {
  std::string bytes;
  google::protobuf::io::StringOutputStream stream(&bytes);
  google::protobuf::io::CodedOutputStream coded(&stream);
  coded.SetSerializationDeterministic(true);
  message.SerializeWithCachedSizes(&coded);
  coded.Trim();
  return bytes;
}

}  // namespace

void CheckRequestId(std::string_view request_id, std::vector<Fault>& faults) {
  const auto printable = [](char c) { return c >= ' ' && c <= '~'; };
  if (request_id.empty() || request_id.size() > kMaxRequestIdBytes ||
      !std::all_of(request_id.begin(), request_id.end(), printable))
    faults.push_back({kField, CutUtf8(request_id, kMaxRequestIdBytes),
                      "must be 1 to 128 printable ASCII characters, new for each new request"});
}

scheduler::Idempotency IdempotencyOf(std::string_view method, const scheduler::Principal& principal,
                                     const google::protobuf::Message& request) {
  const auto* field = request.GetDescriptor()->FindFieldByName(kField);
  MUSTER_CHECK(field != nullptr &&
               field->cpp_type() == google::protobuf::FieldDescriptor::CPPTYPE_STRING);
  scheduler::Idempotency idempotency;
  idempotency.key = request.GetReflection()->GetString(request, field);

  const std::unique_ptr<google::protobuf::Message> content(request.New());
  content->CopyFrom(request);
  content->GetReflection()->ClearField(content.get(), field);
  static_cast<void>(content->ByteSizeLong());  // caches the sizes that the serialisation uses

  // NUL ends the first two parts: neither can hold one.
  Hasher hasher;
  hasher.Update(method);
  hasher.Update(std::string_view("\0", 1));
  hasher.Update(principal.user.str());
  hasher.Update(std::string_view("\0", 1));
  hasher.Update(SerializeDeterministically(*content));
  idempotency.request_digest = hasher.Finish();
  return idempotency;
}

}  // namespace muster::server
