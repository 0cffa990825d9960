#include "server/rpc/page_token.h"

#include <gtest/gtest.h>

#include <limits>

namespace muster::server {
namespace {

TEST(PageToken, GivesBackTheSequenceItWasMadeOf) {
  for (const std::uint64_t sequence :
       {std::uint64_t{1}, std::uint64_t{100'000}, std::numeric_limits<std::uint64_t>::max()}) {
    EXPECT_EQ(DecodePageToken(EncodePageToken(sequence)).value(), sequence);
  }
}

TEST(PageToken, AnEmptyOneIsTheFirstPage) { EXPECT_EQ(DecodePageToken("").value(), 0U); }

TEST(PageToken, AnythingElseIsRefused) {
  for (const char* token :
       {"x", "12", "p1-", "p1-xyz", "p1-0", "p1-1 ", "p1--1", "p1-11111111111111111", "p2-1"}) {
    const auto decoded = DecodePageToken(token);
    ASSERT_FALSE(decoded) << token;
    EXPECT_EQ(decoded.error().code, ErrorCode::kInvalidArgument);
  }
}

TEST(NamePageToken, GivesBackTheNameItWasMadeOf) {
  EXPECT_EQ(DecodeNamePageToken(EncodeNamePageToken("azureml-logs/a b")).value(),
            "azureml-logs/a b");
  EXPECT_EQ(DecodeNamePageToken("").value(), "");
  for (const char* token : {"a", "n1-", "p1-1"}) EXPECT_FALSE(DecodeNamePageToken(token)) << token;
}

TEST(PairPageToken, GivesBackWhatItWasMadeOf) {
  const TokenPair pair{0, std::numeric_limits<std::uint64_t>::max()};
  EXPECT_EQ(DecodePairPageToken(EncodePairPageToken(pair)).value(), pair);
  EXPECT_EQ(DecodePairPageToken("").value(), TokenPair{});
  for (const char* token : {"d1-", "d1-1", "d1--1", "d1-1-", "d1-x-1", "d1-1-1-1", "p1-1"}) {
    EXPECT_FALSE(DecodePairPageToken(token)) << token;
  }
}

TEST(PageSize, IsBounded) {
  EXPECT_EQ(DecodePageSize(0).value(), 1'000U);
  EXPECT_EQ(DecodePageSize(7).value(), 7U);
  EXPECT_EQ(DecodePageSize(1'001).error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace muster::server
