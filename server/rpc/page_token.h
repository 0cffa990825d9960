// Page sizes and tokens of lists. A token is opaque to clients; to us it is the last entry shown:
// its sequence number, or its name.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace muster::server {

// `before_sequence` is not 0.
std::string EncodePageToken(std::uint64_t before_sequence);
// Empty is 0, the first page. INVALID_ARGUMENT for anything EncodePageToken does not make.
Result<std::uint64_t> DecodePageToken(std::string_view token);

// The same for lists in the order of names: the last one shown, not empty.
std::string EncodeNamePageToken(std::string_view last_name);
Result<std::string> DecodeNamePageToken(std::string_view token);

// The same for lists with two places.
struct TokenPair {
  std::uint64_t first = 0;
  std::uint64_t second = 0;
  friend bool operator==(const TokenPair&, const TokenPair&) = default;
};
std::string EncodePairPageToken(const TokenPair& pair);
// Empty is {0, 0}.
Result<TokenPair> DecodePairPageToken(std::string_view token);

// INVALID_ARGUMENT for a page size over the limit; 0 is the limit.
inline constexpr std::uint32_t kMaxPageSize = 1'000;
Result<std::size_t> DecodePageSize(std::uint32_t page_size);

}  // namespace muster::server
