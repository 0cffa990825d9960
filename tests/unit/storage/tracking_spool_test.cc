// Spools in tracking.db: each line once, whatever is sent again; refused lines are passed over.
#include <gtest/gtest.h>

#include "tests/unit/storage/tracking_fixture.h"

namespace muster::storage {
namespace {

constexpr std::uint64_t kLineBytes = 10;

template <class Body>
SpoolLine LineOf(Body body) {
  SpoolLine line;
  line.body = std::move(body);
  return line;
}

SpoolLine Logged(std::int64_t value, const std::string& name = "loss",
                 const std::string& run = "job") {
  return LineOf(LogValue{RunId(run), Scalar(name, value)});
}

SpoolLine Made(const std::string& id, const std::string& parent) {
  return LineOf(ChildOf(parent, id));
}

// A part of ten bytes a line, from the line `first` on.
AppendSpool Part(std::uint64_t first, std::vector<SpoolLine> lines,
                 const std::string& writer = "a1/n1/0-1-f.jsonl") {
  AppendSpool spool{RunId("job"), writer, first * kLineBytes, lines.size() * kLineBytes, {}};
  std::uint64_t end = spool.offset;
  for (SpoolLine& line : lines) line.end = end += kLineBytes;
  spool.lines = std::move(lines);
  return spool;
}

// Of a job of ann's.
TrackingChange Spooled(AppendSpool spool) {
  TrackingChange change = ChangeOf(std::move(spool), "node:n1");
  change.jobs = {{RunId("job"), "digits", UserName("ann"), FromMicros(1'000), {{"spec", "tag"}}}};
  return change;
}

std::vector<std::int64_t> Numbers(const std::vector<Metric>& metrics) {
  std::vector<std::int64_t> out;
  for (const Metric& metric : metrics) out.push_back(std::get<std::int64_t>(metric.value));
  return out;
}

class TrackingSpool : public ::testing::Test {
 protected:
  TrackingAnswer Must(AppendSpool spool) {
    auto answer = tracked_.Do(Spooled(std::move(spool)));
    MUSTER_CHECK(answer.has_value(), answer.error().message);
    return *answer;
  }
  std::vector<std::int64_t> Stored() { return Numbers(tracked_.Metrics("job")); }

  TrackedDirectory tracked_;
};

TEST_F(TrackingSpool, WhatIsSentAgainCountsOnce) {
  EXPECT_EQ(Must(Part(0, {Logged(0), Logged(1), Logged(2)})).next, 30U);
  EXPECT_EQ(Must(Part(0, {Logged(0), Logged(1), Logged(2)})).next, 30U) << "all of it again";
  EXPECT_EQ(Must(Part(1, {Logged(1), Logged(2), Logged(3)})).next, 40U) << "some of it again";
  EXPECT_EQ(Must(Part(0, {Logged(0)})).next, 40U) << "older than what is known";
  EXPECT_EQ(Stored(), (std::vector<std::int64_t>{0, 1, 2, 3}));
  EXPECT_EQ(tracked_.Run("job").metric_values, 4U);
}

TEST_F(TrackingSpool, APlaceIsKeptOverAStartAndForEachFile) {
  Must(Part(0, {Logged(0)}));
  tracked_.Close();
  tracked_.Open();
  EXPECT_EQ(Must(Part(0, {})).next, 10U) << "asked, nothing sent";
  EXPECT_EQ(Must(Part(0, {Logged(7)}, "a1/n1/other")).next, 10U);
  EXPECT_EQ(Must(Part(0, {Logged(8)}, "a2/n1/0-1-f.jsonl")).next, 10U);
  EXPECT_EQ(Stored(), (std::vector<std::int64_t>{0, 7, 8}));
}

TEST_F(TrackingSpool, AGapIsRefusedAndChangesNothing) {
  const auto gap = tracked_.Do(Spooled(Part(1, {Logged(1)})));
  ASSERT_FALSE(gap);
  EXPECT_EQ(gap.error().code, ErrorCode::kOutOfRange);
  EXPECT_FALSE(*tracked_.reader().GetRun(kTrackedWorkspace, RunId("job")));
}

TEST_F(TrackingSpool, AskingMakesNoRow) {
  EXPECT_EQ(Must(Part(0, {})).next, 0U);
  EXPECT_FALSE(*tracked_.reader().GetRun(kTrackedWorkspace, RunId("job")));
}

TEST_F(TrackingSpool, SkippedBytesCountAsSeen) {
  AppendSpool spool = Part(0, {Logged(0)});
  spool.bytes += 1'000;
  EXPECT_EQ(Must(std::move(spool)).next, 1'010U);
  EXPECT_EQ(Must(Part(101, {Logged(1)})).next, 1'020U);
  EXPECT_EQ(Stored(), (std::vector<std::int64_t>{0, 1}));
}

TEST_F(TrackingSpool, ARefusedLineIsPassedOverAndTold) {
  UpdateRun tag;
  tag.run = RunId("job");
  tag.set_tags["stage"] = "two";
  UpdateRun again;
  again.run = RunId("job");
  again.add_properties["commit"] = "def";
  UpdateRun first = again;
  first.add_properties["commit"] = "abc";
  const TrackingAnswer answer =
      Must(Part(0, {Logged(0), LineOf(RefusedLine{"a line is no JSON"}), LineOf(first),
                    LineOf(again), Logged(1, "x", "nobody"), LineOf(tag), Logged(2)}));
  EXPECT_EQ(answer.next, 70U);
  EXPECT_EQ(answer.refused_count, 3U);
  ASSERT_EQ(answer.refused.size(), 3U);
  EXPECT_EQ(answer.refused[0], "a line is no JSON");
  EXPECT_NE(answer.refused[1].find("properties never change"), std::string::npos);
  EXPECT_NE(answer.refused[2].find("nobody"), std::string::npos);
  EXPECT_EQ(Stored(), (std::vector<std::int64_t>{0, 2}));
  EXPECT_EQ(tracked_.Run("job").tags, (Tags{{"spec", "tag"}, {"stage", "two"}}));
  EXPECT_EQ(tracked_.Run("job").properties, (Properties{{"commit", "abc"}}));
}

TEST_F(TrackingSpool, OnlySomeRefusalsAreTold) {
  std::vector<SpoolLine> lines;
  for (int i = 0; i < 50; ++i) lines.push_back(LineOf(RefusedLine{std::string(1'000, 'x')}));
  const TrackingAnswer answer = Must(Part(0, std::move(lines)));
  EXPECT_EQ(answer.refused_count, 50U);
  ASSERT_EQ(answer.refused.size(), kMaxToldRefusals);
  EXPECT_EQ(answer.refused[0].size(), 300U);
}

TEST_F(TrackingSpool, AChildBelongsToTheJobsUserAndIsTheScriptsToChange) {
  UpdateRun end;
  end.run = RunId("child");
  end.status = scheduler::JobStatus::kCompleted;
  const TrackingAnswer answer =
      Must(Part(0, {Made("child", "job"), Made("grandchild", "child"), Logged(5, "loss", "child"),
                    Logged(6, "loss", "grandchild"), LineOf(end), Made("child", "job")}));
  EXPECT_EQ(answer.refused_count, 0U) << answer.refused.front();
  EXPECT_EQ(tracked_.Run("child").user, UserName("ann"));
  EXPECT_EQ(tracked_.Run("child").experiment, "digits");
  EXPECT_EQ(tracked_.Run("child").status, scheduler::JobStatus::kCompleted);
  EXPECT_EQ(tracked_.Run("grandchild").root, RunId("job"));
  EXPECT_EQ(Numbers(tracked_.Metrics("grandchild")), (std::vector<std::int64_t>{6}));
}

TEST_F(TrackingSpool, ARunThatIsNotTheJobsOrBelowItIsRefused) {
  tracked_.MustDo(ChangeOf(CreateRuns{{Interactive("anns")}}));
  tracked_.MustDo(ChangeOf(CreateRuns{{Interactive("bobs")}}, "bob"));
  const TrackingAnswer answer = Must(Part(0, {Logged(1, "loss", "anns"), Logged(1, "loss", "bobs"),
                                              Made("c", "anns"), Made("anns", "job")}));
  EXPECT_EQ(answer.refused_count, 4U);
  EXPECT_NE(answer.refused[0].find("not part of job job"), std::string::npos);
  EXPECT_EQ(tracked_.Run("anns").metric_values, 0U);
  EXPECT_EQ(tracked_.Run("anns").parent, RunId());
}

TEST_F(TrackingSpool, TheScriptsTimeCountsUnlessItIsToCome) {
  SpoolLine made = Made("then", "job");
  made.time = FromMicros(5'000'000);
  SpoolLine future = Made("now", "job");
  future.time = FromMicros(8'000'000'000'000'000);
  Must(Part(0, {made, future}));
  EXPECT_EQ(ToMicros(tracked_.Run("then").created), 5'000'000);
  EXPECT_EQ(ToMicros(tracked_.Run("now").created), 1'790'000'000'000'000);
}

TEST_F(TrackingSpool, AFailureIsToldAgainWithEachPartOfItsFile) {
  const TrackingAnswer failed =
      Must(Part(0, {LineOf(FailJob{"E42", "the loss is not a number"}), Logged(1)}));
  EXPECT_EQ(failed.script_failure, "the loss is not a number (E42)");
  tracked_.Close();
  tracked_.Open();
  EXPECT_EQ(Must(Part(0, {})).script_failure, "the loss is not a number (E42)");
  EXPECT_EQ(Must(Part(2, {Logged(2)})).script_failure, "the loss is not a number (E42)");
  EXPECT_FALSE(Must(Part(0, {}, "a1/n1/other")).script_failure);
  EXPECT_EQ(tracked_.Run("job").status, scheduler::JobStatus::kRunning) << "the core's to say";
}

TEST(TrackingSpoolLimits, AreRefusalsOfSingleLines) {
  TrackingLimits limits;
  limits.max_metric_names = 2;
  limits.max_metric_values = 4;
  TrackedDirectory tracked(limits);
  const auto answer =
      tracked.Do(Spooled(Part(0, {Logged(0, "a"), Logged(1, "b"), Logged(2, "c"), Logged(3, "a"),
                                  Logged(4, "b"), Logged(5, "a")})));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->refused_count, 2U);
  EXPECT_NE(answer->refused[0].find("max_run_metric_names is 2"), std::string::npos);
  EXPECT_NE(answer->refused[1].find("max_run_metric_values is 4"), std::string::npos);
  EXPECT_EQ(Numbers(tracked.Metrics("job", "a")), (std::vector<std::int64_t>{0, 3}));
  EXPECT_EQ(Numbers(tracked.Metrics("job", "b")), (std::vector<std::int64_t>{1, 4}));
  EXPECT_EQ(tracked.Run("job").metric_names, 2U);
}

}  // namespace
}  // namespace muster::storage
