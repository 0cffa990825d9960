// Jobs and tracked runs as one list, and what a silent run looks like.
#include "server/tracking/run_view.h"

#include <gtest/gtest.h>

#include <string>

namespace muster::server {
namespace {

using scheduler::JobStatus;

constexpr ViewTime At(int seconds, int serving_since = 0) {
  return {TimePoint(std::chrono::seconds(seconds)), TimePoint(std::chrono::seconds(serving_since))};
}

storage::TrackedRun Beaten(int seconds) {
  storage::TrackedRun run;
  run.heartbeat = TimePoint(std::chrono::seconds(seconds));
  return run;
}

TEST(RunStatus, ARunningRunIsNotRespondingAfterAMinuteOfSilence) {
  EXPECT_EQ(StatusOf(Beaten(100), At(160)), JobStatus::kRunning);
  EXPECT_EQ(StatusOf(Beaten(100), At(161)), JobStatus::kNotResponding);
  storage::TrackedRun ended = Beaten(100);
  ended.status = JobStatus::kCompleted;
  EXPECT_EQ(StatusOf(ended, At(1'000)), JobStatus::kCompleted);
}

TEST(RunStatus, TimeInWhichNobodyCouldHearARunDoesNotCount) {
  EXPECT_EQ(StatusOf(Beaten(100), At(3'660, 3'600)), JobStatus::kRunning);
  EXPECT_EQ(StatusOf(Beaten(100), At(3'661, 3'600)), JobStatus::kNotResponding);
}

TEST(RunStatus, AChildThatSendsNoHeartbeatsIsNotMissed) {
  EXPECT_EQ(StatusOf(storage::TrackedRun{}, At(1'000'000)), JobStatus::kRunning);
}

TEST(RunOfAJob, HasTheTagsOfItsSpecificationUntilTheyAreChanged) {
  JobView view;
  view.job.id = JobId("d_1_aa");
  view.tags = {{"lr", "0.1"}};
  v1::Run untouched;
  ToProto(view, nullptr, untouched);
  ASSERT_EQ(untouched.tags_size(), 1);
  EXPECT_EQ(untouched.tags(0).key(), "lr");
  storage::TrackedRun tracked;
  tracked.tags = {{"bare", std::nullopt}};
  v1::Run changed;
  ToProto(view, &tracked, changed);
  ASSERT_EQ(changed.tags_size(), 1);
  EXPECT_EQ(changed.tags(0).key(), "bare");
  EXPECT_FALSE(changed.tags(0).has_value());
}

v1::Run RunWith(const std::string& key, const std::string& value) {
  v1::Run run;
  run.set_kind(v1::RUN_KIND_CHILD);
  run.set_status(v1::JOB_STATUS_RUNNING);
  v1::Tag& tag = *run.add_tags();
  tag.set_key(key);
  tag.set_value(value);
  (*run.mutable_properties())[key] = value;
  return run;
}

TEST(RunFilters, AllOfThemMustHold) {
  const v1::Run run = RunWith("stage", "one");
  v1::ListRunsRequest filter;
  EXPECT_TRUE(Matches(run, filter));
  EXPECT_FALSE(FiltersAfterwards(filter));
  filter.add_kinds(v1::RUN_KIND_CHILD);
  filter.add_statuses(v1::JOB_STATUS_RUNNING);
  v1::Tag& tag = *filter.add_tags();
  tag.set_key("stage");
  EXPECT_TRUE(FiltersAfterwards(filter));
  EXPECT_TRUE(Matches(run, filter)) << "whatever its value";
  tag.set_value("one");
  EXPECT_TRUE(Matches(run, filter));
  v1::Tag& property = *filter.add_properties();
  property.set_key("stage");
  property.set_value("two");
  EXPECT_FALSE(Matches(run, filter));
  property.set_value("one");
  EXPECT_TRUE(Matches(run, filter));
  filter.set_kinds(0, v1::RUN_KIND_JOB);
  EXPECT_FALSE(Matches(run, filter));
}

// "5 3" : entries made at 5 and at 3 s, their sequences the same numbers.
RunSource Source(const std::vector<int>& times, std::uint64_t next_before) {
  RunSource source;
  for (const int time : times) {
    RunSource::Entry& entry = source.entries.emplace_back();
    entry.sequence = static_cast<std::uint64_t>(time);
    entry.run.set_created_us(time);
  }
  source.next_before = next_before;
  return source;
}

std::string Times(const MergedRuns& merged) {
  std::string out;
  for (const v1::Run& run : merged.runs) out += std::to_string(run.created_us()) + " ";
  return out;
}

TEST(RunMerge, IsNewestFirstAndGoesOnWhereItEnded) {
  const MergedRuns first = Merge(Source({90, 70, 50}, 0), Source({80, 60}, 0), {}, 3);
  EXPECT_EQ(Times(first), "90 80 70 ");
  EXPECT_TRUE(first.more);
  EXPECT_EQ(first.jobs_before, 70U);
  EXPECT_EQ(first.tracked_before, 80U);
  const MergedRuns rest = Merge(Source({50}, 0), Source({60}, 0), {}, 3);
  EXPECT_EQ(Times(rest), "60 50 ");
  EXPECT_FALSE(rest.more);
}

TEST(RunMerge, WaitsForAListThatHasMoreToCome) {
  // Below 70 there are more jobs; one of them may be newer than 60.
  const MergedRuns merged = Merge(Source({90, 70}, 70), Source({80, 60}, 0), {}, 10);
  EXPECT_EQ(Times(merged), "90 80 70 ");
  EXPECT_TRUE(merged.more);
  EXPECT_EQ(merged.jobs_before, 70U);
  EXPECT_EQ(merged.tracked_before, 80U);
}

TEST(RunMerge, APageMayBeEmptyAndStillNotBeTheLast) {
  v1::ListRunsRequest nothing;
  nothing.add_statuses(v1::JOB_STATUS_FAILED);
  const MergedRuns merged = Merge(Source({90, 70}, 70), Source({}, 0), nothing, 10);
  EXPECT_EQ(Times(merged), "");
  EXPECT_TRUE(merged.more);
  EXPECT_EQ(merged.jobs_before, 70U);
  EXPECT_EQ(merged.tracked_before, RunSource::kNothing);
}

TEST(RunMerge, AnUntouchedListStartsAgainWhereItDid) {
  RunSource tracked = Source({10}, 0);
  tracked.before = 40;
  const MergedRuns merged = Merge(Source({90, 70}, 0), std::move(tracked), {}, 1);
  EXPECT_EQ(Times(merged), "90 ");
  EXPECT_EQ(merged.tracked_before, 40U);
}

}  // namespace
}  // namespace muster::server
