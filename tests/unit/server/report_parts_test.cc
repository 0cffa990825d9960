// What becomes one report, and what is refused before anything is built of it.
#include "server/rpc/report_parts.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "server/rpc/agent_conversion.h"

namespace muster::server {
namespace {

v1::Report Part(std::uint32_t part, bool more, int attempts = 0) {
  v1::Report report;
  report.set_sequence(7);
  report.set_part(part);
  report.set_more(more);
  for (int i = 0; i < attempts; ++i) {
    v1::ObservedAttempt& attempt = *report.add_attempts();
    attempt.set_job_id("j");
    attempt.set_attempt(part * 10'000 + static_cast<std::uint32_t>(i));
    attempt.set_phase(v1::OBSERVED_PHASE_RUNNING);
  }
  return report;
}

bool GoesOn(ReportParts& parts, const v1::Report& part) {
  const Result<bool> complete = parts.Add(part);
  return complete && !*complete;
}

TEST(ReportParts, AreOneReportOnceTheLastHasCome) {
  ReportParts parts;
  EXPECT_TRUE(GoesOn(parts, Part(0, true, 2)));
  EXPECT_TRUE(GoesOn(parts, Part(1, true, 1)));
  const Result<bool> complete = parts.Add(Part(2, false, 1));
  ASSERT_TRUE(complete && *complete);
  EXPECT_EQ(parts.Take().attempts_size(), 4);
}

TEST(ReportParts, BeginAnewWithPartZero) {
  ReportParts parts;
  EXPECT_TRUE(GoesOn(parts, Part(0, true, 3'000)));
  EXPECT_TRUE(GoesOn(parts, Part(0, true, 3'000)));
  ASSERT_TRUE(parts.Add(Part(1, false)));
  EXPECT_EQ(parts.Take().attempts_size(), 3'000);
}

TEST(ReportParts, FollowEachOtherFromPartZeroOn) {
  ReportParts parts;
  v1::Report alone = Part(1, false);
  alone.set_sequence(0);
  EXPECT_FALSE(parts.Add(alone)) << "there was no part 0";
  EXPECT_TRUE(GoesOn(parts, Part(0, true)));
  EXPECT_FALSE(parts.Add(Part(2, false)));
  EXPECT_FALSE(parts.Add(alone)) << "of another report";
  ASSERT_TRUE(parts.Add(Part(1, false)));
  parts.Take();
  EXPECT_FALSE(parts.Add(Part(2, false))) << "it was taken";
  EXPECT_FALSE(parts.Add(alone));
}

TEST(ReportParts, HaveAsManyAttemptsAsAReportAndThoseThatGoOn) {
  ReportParts parts;
  EXPECT_TRUE(GoesOn(parts, Part(0, true, 4'000)));
  ASSERT_TRUE(parts.Add(Part(1, false, 97)));
  EXPECT_TRUE(ReportFromProto(NodeId("n"), 1, parts.Take()));
  EXPECT_TRUE(GoesOn(parts, Part(0, true, 4'000)));
  const Result<bool> refused = parts.Add(Part(1, false, 98));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
}

TEST(ReportParts, HaveABoundedNumberOfEntriesHoweverFewBytesTheseHave) {
  using AddEntry = void (*)(v1::ObservedAttempt&);
  const std::map<std::string, AddEntry> lists = {
      {"ranks", [](v1::ObservedAttempt& attempt) { attempt.add_ranks(); }},
      {"requests", [](v1::ObservedAttempt& attempt) { attempt.add_daemon_requests(); }},
      {"exits", [](v1::ObservedAttempt& attempt) { attempt.add_daemon_exits(); }},
      {"words",
       [](v1::ObservedAttempt& attempt) {
         if (attempt.daemon_requests().empty()) attempt.add_daemon_requests();
         attempt.mutable_daemon_requests(0)->add_arguments();
       }},
  };
  for (const auto& [list, add_entry] : lists) {
    v1::Report part = Part(0, true, 1);
    for (int i = 0; i < 600'000; ++i) add_entry(*part.mutable_attempts(0));
    ReportParts parts;
    EXPECT_TRUE(GoesOn(parts, part)) << list;
    part.set_part(1);
    EXPECT_FALSE(parts.Add(part)) << list;
  }
}

TEST(ReportParts, HaveABoundedNumberOfBytes) {
  v1::Report part = Part(0, true, 1);
  part.mutable_attempts(0)->set_last_log_lines(std::string(std::size_t{6} << 20, 'x'));
  ReportParts parts;
  for (std::uint32_t i = 0; i < 3; ++i) {
    part.set_part(i);
    EXPECT_EQ(GoesOn(parts, part), i < 2) << i;
  }
}

TEST(ReportParts, AreOfABoundedNumber) {
  ReportParts parts;
  for (std::uint32_t i = 0; i < 64; ++i) ASSERT_TRUE(GoesOn(parts, Part(i, true)));
  EXPECT_FALSE(parts.Add(Part(64, false)));
}

}  // namespace
}  // namespace muster::server
