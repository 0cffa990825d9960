#include "server/rpc/page_token.h"

#include <charconv>
#include <optional>
#include <system_error>

namespace muster::server {
namespace {

// Says which form the rest has, so that a later one can be told apart.
constexpr std::string_view kPrefix = "p1-";
constexpr std::string_view kNamePrefix = "n1-";
constexpr std::string_view kPairPrefix = "d1-";

tl::unexpected<Error> BadToken() {
  return Fail(ErrorCode::kInvalidArgument, ErrorReason::kInvalidSpec,
              "page_token is not one that this list gave; start again with an empty one");
}

std::string Hex(std::uint64_t number) {
  char digits[16];
  return std::string(digits, std::to_chars(digits, digits + sizeof digits, number, 16).ptr);
}

std::optional<std::uint64_t> ParseHex(std::string_view digits) {
  std::uint64_t number = 0;
  const char* const end = digits.data() + digits.size();
  const auto [parsed, error] = std::from_chars(digits.data(), end, number, 16);
  if (error != std::errc{} || parsed != end) return std::nullopt;
  return number;
}

}  // namespace

std::string EncodePageToken(std::uint64_t before_sequence) {
  return std::string(kPrefix) + Hex(before_sequence);
}

Result<std::uint64_t> DecodePageToken(std::string_view token) {
  if (token.empty()) return std::uint64_t{0};
  if (token.starts_with(kPrefix)) {
    const auto sequence = ParseHex(token.substr(kPrefix.size()));
    if (sequence && *sequence != 0) return *sequence;
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

std::string EncodePairPageToken(const TokenPair& pair) {
  return std::string(kPairPrefix) + Hex(pair.first) + "-" + Hex(pair.second);
}

Result<TokenPair> DecodePairPageToken(std::string_view token) {
  if (token.empty()) return TokenPair{};
  const std::size_t middle = token.rfind('-');
  if (!token.starts_with(kPairPrefix) || middle < kPairPrefix.size()) return BadToken();
  const auto first = ParseHex(token.substr(kPairPrefix.size(), middle - kPairPrefix.size()));
  const auto second = ParseHex(token.substr(middle + 1));
  if (!first || !second) return BadToken();
  return TokenPair{*first, *second};
}

Result<std::size_t> DecodePageSize(std::uint32_t page_size) {
  if (page_size <= kMaxPageSize) {
    return std::size_t{page_size == 0 ? kMaxPageSize : page_size};
  }
  return Fail(ErrorCode::kInvalidArgument, ErrorReason::kTooMany,
              "page_size is " + std::to_string(page_size) + "; at most 1,000 are allowed");
}

}  // namespace muster::server
