#include "security/token.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>

namespace muster::security {
namespace {

constexpr std::string_view kClientPrefix = "mst1";
constexpr std::string_view kJoinPrefix = "mjn1";
constexpr std::string_view kScheme = "Bearer ";
constexpr std::size_t kIdLength = 16;
constexpr std::size_t kSecretLength = 43;

bool IsLowerHex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

bool IsBase64Url(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
         c == '_';
}

bool IsId(std::string_view text) {
  return text.size() == kIdLength && std::all_of(text.begin(), text.end(), IsLowerHex);
}

bool IsSecret(std::string_view text) {
  return text.size() == kSecretLength && std::all_of(text.begin(), text.end(), IsBase64Url);
}

std::string Base64Url(const Digest& digest) {
  std::array<unsigned char, 4 * (Digest::kBytes / 3 + 1) + 1> buffer{};
  EVP_EncodeBlock(buffer.data(), digest.bytes().data(), static_cast<int>(Digest::kBytes));
  std::string text(reinterpret_cast<const char*>(buffer.data()), kSecretLength);
  std::replace(text.begin(), text.end(), '+', '-');
  std::replace(text.begin(), text.end(), '/', '_');
  return text;
}

std::string_view Trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

// Cuts off and returns what stands before the next dot (or all).
std::string_view NextPart(std::string_view& rest) {
  const std::size_t dot = rest.find('.');
  const std::string_view part = rest.substr(0, dot);
  rest = dot == std::string_view::npos ? std::string_view() : rest.substr(dot + 1);
  return part;
}

tl::unexpected<Error> BadToken(std::string_view what) {
  return Fail(ErrorCode::kInvalidArgument, ErrorReason::kBadToken,
              "this is not a token: " + std::string(what) +
                  "; a token reads mst1.<id>.<secret>.<fingerprint>, or mjn1... to join nodes");
}

}  // namespace

std::string FormatToken(const TokenText& token) {
  const std::string_view prefix = token.kind == TokenKind::kClient ? kClientPrefix : kJoinPrefix;
  return std::string(prefix) + "." + BearerOf(token) + "." + token.ca_fingerprint.Hex();
}

Result<TokenText> ParseToken(std::string_view text) {
  std::string_view rest = Trim(text);
  const std::string_view prefix = NextPart(rest);
  const std::string_view id = NextPart(rest);
  const std::string_view secret = NextPart(rest);
  if (prefix != kClientPrefix && prefix != kJoinPrefix)
    return BadToken("it begins with neither \"mst1.\" nor \"mjn1.\"");
  if (!IsId(id)) return BadToken("its id is not 16 hexadecimal digits");
  if (!IsSecret(secret)) return BadToken("its secret is not 43 base64url characters");
  const std::optional<Digest> fingerprint = Digest::Parse(rest);
  if (!fingerprint) return BadToken("its fingerprint is not 64 hexadecimal digits");
  return TokenText{prefix == kClientPrefix ? TokenKind::kClient : TokenKind::kJoin,
                   TokenId(std::string(id)), std::string(secret), *fingerprint};
}

std::string FormatBearer(const Bearer& bearer) { return bearer.id.str() + "." + bearer.secret; }

std::optional<Bearer> ParseBearer(std::string_view text) {
  if (text.size() != kIdLength + 1 + kSecretLength || text[kIdLength] != '.') return std::nullopt;
  const std::string_view id = text.substr(0, kIdLength);
  const std::string_view secret = text.substr(kIdLength + 1);
  if (!IsId(id) || !IsSecret(secret)) return std::nullopt;
  return Bearer{TokenId(std::string(id)), std::string(secret)};
}

std::string AuthorizationValue(std::string_view bearer) {
  return std::string(kScheme) + std::string(bearer);
}

std::optional<Bearer> ParseAuthorizationValue(std::string_view value) {
  if (!value.starts_with(kScheme)) return std::nullopt;
  return ParseBearer(value.substr(kScheme.size()));
}

TokenId DeriveTokenId(std::string_view token_key, const WorkspaceName& workspace,
                      std::string_view idempotency_key) {
  // NUL separates the parts: neither a workspace's name nor the domain can hold one.
  std::string data = "token id";
  data += '\0';
  data += workspace.str();
  data += '\0';
  data += idempotency_key;
  return TokenId(HmacSha256(token_key, data).Hex().substr(0, kIdLength));
}

std::string DeriveSecret(std::string_view token_key, const TokenId& id) {
  std::string data = "token";
  data += '\0';
  data += id.str();
  return Base64Url(HmacSha256(token_key, data));
}

Digest HashSecret(std::string_view secret) { return Sha256(secret); }

}  // namespace muster::security
