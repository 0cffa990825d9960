#include "agent/logs/utf8.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/session/convert.h"
#include "muster/v1/agent.pb.h"

namespace muster::agent {
namespace {

TEST(Utf8, WhatIsTextStaysAsItIs) {
  const std::string text = "loss 0.1 caf\xc3\xa9 \xe2\x96\x88\xe2\x96\x8f \xf0\x9f\x90\x8d\n";
  EXPECT_TRUE(IsUtf8(text));
  EXPECT_EQ(ToUtf8(text, 4096), text);
}

TEST(Utf8, BytesOfNoCharacterAreReplacedOneByOne) {
  EXPECT_EQ(ToUtf8("caf\xe9 \xff\xfe", 100), "caf? ??");
  EXPECT_EQ(ToUtf8("\xc0\xaf|\xe0\x80\x80|\xed\xa0\x80|\xf4\x90\x80\x80|\xf5", 100),
            "??|???|???|????|?");
  for (const char* text : {"\xc0\xaf", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "a\xe2"})
    EXPECT_FALSE(IsUtf8(text)) << text;
}

TEST(Utf8, ATailThatBeginsInTheMiddleOfACharacterLosesIt) {
  EXPECT_EQ(ToUtf8("\x96\x88 done", 100), " done");
}

TEST(Utf8, TheLimitCutsBetweenCharacters) {
  EXPECT_EQ(ToUtf8("ab\xc3\xa9", 3), "ab");
  EXPECT_EQ(ToUtf8("ab\xc3\xa9", 4), "ab\xc3\xa9");
}

// A report that the server can't read would be sent, and refused, for ever.
TEST(Utf8, AReportCarriesWhateverAJobWrote) {
  Report report;
  ObservedAttempt& attempt = report.attempts.emplace_back();
  attempt.id = {JobId("j_1_0a1b2c3d"), 1};
  attempt.last_log_lines = "\xa9 \xff last words";
  attempt.failure = Failure{FailureCode::kLaunchFailed, std::string(100'000, '\xfe')};
  attempt.daemon_requests.push_back({1, NodeId("n\xff"), {"orted", "\xff"}});
  v1::Report sent;
  ASSERT_TRUE(sent.ParseFromString(ToProto(report, NodeId("n")).front().SerializeAsString()));
  EXPECT_EQ(sent.attempts(0).last_log_lines(), " ? last words");
  EXPECT_EQ(sent.attempts(0).failure().message(), std::string(4096, '?'));
}

}  // namespace
}  // namespace muster::agent
