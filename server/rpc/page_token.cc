#include "server/rpc/page_token.h"

#include <charconv>
#include <system_error>

namespace muster::server {
namespace {

// Says which form the rest has, so that a later one can be told apart.
constexpr std::string_view kPrefix = "p1-";
constexpr std::string_view kNamePrefix = "n1-";

tl::unexpected<Error> BadToken() {
  return Fail(ErrorCode::kInvalidArgument, ErrorReason::kInvalidSpec,
              "page_token is not one that this list gave; start again with an empty one");
}

}  // namespace

std::string EncodePageToken(std::uint64_t before_sequence) {
  char digits[16];
  const auto end = std::to_chars(digits, digits + sizeof digits, before_sequence, 16).ptr;
  return std::string(kPrefix) + std::string(digits, end);
}

Result<std::uint64_t> DecodePageToken(std::string_view token) {
  if (token.empty()) return std::uint64_t{0};
  std::uint64_t sequence = 0;
  if (token.starts_with(kPrefix)) {
    const std::string_view digits = token.substr(kPrefix.size());
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), sequence, 16);
    if (error == std::errc{} && end == digits.data() + digits.size() && sequence != 0) {
      return sequence;
    }
  }
  return BadToken();
}

std::string EncodeNamePageToken(std::string_view last_name) {
  return std::string(kNamePrefix) + std::string(last_name);
}

Result<std::string> DecodeNamePageToken(std::string_view token) {
  if (token.empty()) return std::string();
  if (!token.starts_with(kNamePrefix) || token.size() == kNamePrefix.size()) return BadToken();
  return std::string(token.substr(kNamePrefix.size()));
}

Result<std::size_t> DecodePageSize(std::uint32_t page_size) {
  if (page_size <= kMaxPageSize) {
    return std::size_t{page_size == 0 ? kMaxPageSize : page_size};
  }
  return Fail(ErrorCode::kInvalidArgument, ErrorReason::kTooMany,
              "page_size is " + std::to_string(page_size) + "; at most 1,000 are allowed");
}

}  // namespace muster::server
