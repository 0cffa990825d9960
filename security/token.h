// Texts of tokens. A token names its id, its secret and the CA to trust, so that whoever holds it
// can find out that he talks to the right server before he sends the secret. No function here puts
// a token or any part of its secret into an error.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/digest.h"
#include "base/ids.h"
#include "base/result.h"

namespace muster::security {

enum class TokenKind : std::uint8_t {
  kClient = 1,  // "mst1.": for `muster login`
  kJoin,        // "mjn1.": lets an agent enroll
};

// "<mst1|mjn1>.<16 hex>.<43 base64url characters>.<64 hex>"
struct TokenText {
  TokenKind kind = TokenKind::kClient;
  TokenId id;
  std::string secret;
  Digest ca_fingerprint;  // SHA-256 of the CA certificate's DER
};

std::string FormatToken(const TokenText& token);
// White space around the text is ignored. INVALID_ARGUMENT (kBadToken) says which part is
// malformed.
Result<TokenText> ParseToken(std::string_view text);

// What goes over the wire and into client configuration: "<id>.<secret>", without the fingerprint.
struct Bearer {
  TokenId id;
  std::string secret;
};
std::string FormatBearer(const Bearer& bearer);
inline std::string BearerOf(const TokenText& token) {
  return FormatBearer({token.id, token.secret});
}
// Exactly the form that FormatBearer makes, or nothing.
std::optional<Bearer> ParseBearer(std::string_view text);

// The metadata of a call: key "authorization", value "Bearer <id>.<secret>".
inline constexpr char kAuthorizationKey[] = "authorization";
std::string AuthorizationValue(std::string_view bearer);
std::optional<Bearer> ParseAuthorizationValue(std::string_view value);

// 16 hex characters, the same for the same workspace and idempotency key: a repeated request to
// create a token names the same one.
TokenId DeriveTokenId(std::string_view token_key, const WorkspaceName& workspace,
                      std::string_view idempotency_key);
// 43 base64url characters (256 bits). Nothing stores it: it follows from the server's token key.
std::string DeriveSecret(std::string_view token_key, const TokenId& id);
// What the state keeps of a secret.
Digest HashSecret(std::string_view secret);

}  // namespace muster::security
