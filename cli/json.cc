#include "cli/json.h"

#include <google/protobuf/util/json_util.h>

#include "base/check.h"

namespace muster::cli {

std::string ToJson(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  options.always_print_primitive_fields = true;
  options.preserve_proto_field_names = true;
  std::string text;
  const auto status = google::protobuf::util::MessageToJsonString(message, &text, options);
  MUSTER_CHECK(status.ok(), "a message of our own has a JSON form");
  return text;
}

}  // namespace muster::cli
