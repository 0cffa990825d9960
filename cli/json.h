// Messages as JSON for machines: protobuf's JSON mapping with the field names of the .proto files,
// and with fields that have their default value present. Note that the mapping writes 64-bit
// integers as strings and enums by name.
#pragma once

#include <google/protobuf/message.h>

#include <string>

namespace muster::cli {

// Indented, with a line end.
std::string ToJson(const google::protobuf::Message& message);

}  // namespace muster::cli
