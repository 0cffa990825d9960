// Page tokens of lists: opaque to clients, the sequence number of the last entry shown to us.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace muster::server {

// `before_sequence` is not 0.
std::string EncodePageToken(std::uint64_t before_sequence);
// Empty is 0, the first page. INVALID_ARGUMENT for anything EncodePageToken does not make.
Result<std::uint64_t> DecodePageToken(std::string_view token);

}  // namespace muster::server
