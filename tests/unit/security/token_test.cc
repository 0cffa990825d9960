#include "security/token.h"

#include <gtest/gtest.h>

namespace muster::security {
namespace {

const std::string kKey = "a token key of a server";

TokenText SomeToken(TokenKind kind = TokenKind::kClient) {
  const TokenId id = DeriveTokenId(kKey, WorkspaceName("default"), "request 1");
  return {kind, id, DeriveSecret(kKey, id), Sha256("a CA")};
}

TEST(Token, FormattedTextParsesToTheSameToken) {
  for (const TokenKind kind : {TokenKind::kClient, TokenKind::kJoin}) {
    const TokenText token = SomeToken(kind);
    const Result<TokenText> parsed = ParseToken(" " + FormatToken(token) + "\n");
    ASSERT_TRUE(parsed) << parsed.error().message;
    EXPECT_EQ(parsed->kind, kind);
    EXPECT_EQ(parsed->id, token.id);
    EXPECT_EQ(parsed->secret, token.secret);
    EXPECT_EQ(parsed->ca_fingerprint, token.ca_fingerprint);
  }
}

TEST(Token, MalformedTextIsRefusedWithoutBeingEchoed) {
  const std::string good = FormatToken(SomeToken());
  const std::string secret = SomeToken().secret;
  const std::vector<std::string> bad = {
      "",
      "mst1",
      "mst2" + good.substr(4),
      good.substr(0, good.size() - 1),
      good + "0",
      good + ".x",
      "mst1.." + secret + "." + Sha256("a CA").Hex(),
      "mst1.0123456789ABCDEF." + secret + "." + Sha256("a CA").Hex(),
      "mst1.0123456789abcdef." + secret.substr(1) + "." + Sha256("a CA").Hex(),
      "mst1.0123456789abcdef." + secret.substr(1) + "=." + Sha256("a CA").Hex(),
      std::string("mst1\0.", 6) + good.substr(5),
  };
  for (const std::string& text : bad) {
    const Result<TokenText> parsed = ParseToken(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().reason, ErrorReason::kBadToken);
    EXPECT_EQ(parsed.error().message.find(secret.substr(1)), std::string::npos);
  }
}

TEST(Token, BearerRoundTripsAndNothingElseParses) {
  const TokenText token = SomeToken();
  const std::string value = AuthorizationValue(BearerOf(token));
  const auto bearer = ParseAuthorizationValue(value);
  ASSERT_TRUE(bearer);
  EXPECT_EQ(bearer->id, token.id);
  EXPECT_EQ(bearer->secret, token.secret);

  EXPECT_FALSE(ParseAuthorizationValue(BearerOf(token)));
  EXPECT_FALSE(ParseAuthorizationValue("Basic " + BearerOf(token)));
  EXPECT_FALSE(ParseAuthorizationValue(value + " "));
  EXPECT_FALSE(ParseAuthorizationValue("Bearer " + FormatToken(token)));
  EXPECT_FALSE(ParseAuthorizationValue("Bearer "));
}

TEST(Token, TheSameRequestDerivesTheSameTokenAndAnotherAnother) {
  const TokenId id = DeriveTokenId(kKey, WorkspaceName("default"), "request 1");
  EXPECT_EQ(id, DeriveTokenId(kKey, WorkspaceName("default"), "request 1"));
  EXPECT_EQ(id.str().size(), 16U);
  EXPECT_NE(id, DeriveTokenId(kKey, WorkspaceName("default"), "request 2"));
  EXPECT_NE(id, DeriveTokenId(kKey, WorkspaceName("other"), "request 1"));
  EXPECT_NE(id, DeriveTokenId("another key", WorkspaceName("default"), "request 1"));
  // The parts can't be shifted into each other.
  EXPECT_NE(DeriveTokenId(kKey, WorkspaceName("a"), "bc"),
            DeriveTokenId(kKey, WorkspaceName("ab"), "c"));
  EXPECT_EQ(DeriveSecret(kKey, id), DeriveSecret(kKey, id));
  EXPECT_NE(DeriveSecret(kKey, id), DeriveSecret("another key", id));
}

}  // namespace
}  // namespace muster::security
