// What may be changed of a run, and by whom.
#include <gtest/gtest.h>

#include "storage/tracking/changes.h"
#include "tests/unit/storage/tracking_fixture.h"

namespace muster::storage {
namespace {

using scheduler::JobStatus;

TrackedRun Made(const NewRun& wanted, const TrackedRun* parent = nullptr) {
  return *MakeRun(ChangeOf(CreateRuns{}), wanted, parent);
}

Result<TrackedRun> Update(TrackedRun run, const UpdateRun& update,
                          const std::string& user = "ann") {
  return Updated(std::move(run), ChangeOf(update, user), update);
}

UpdateRun To(JobStatus status) {
  UpdateRun update;
  update.status = status;
  return update;
}

TEST(TrackingChanges, AnInteractiveRunRunsAtOnceAndMustSendHeartbeats) {
  const TrackedRun run = Made(Interactive("r1"));
  EXPECT_EQ(run.kind, RunKind::kInteractive);
  EXPECT_EQ(run.status, JobStatus::kRunning);
  EXPECT_EQ(run.root, RunId("r1"));
  EXPECT_TRUE(run.started && run.heartbeat);
}

TEST(TrackingChanges, AChildGoesWithItsParentAndSendsNoHeartbeatsOfItsOwn) {
  const TrackedRun parent = Made(Interactive("r1"));
  const TrackedRun child = Made(ChildOf("r1", "r2"), &parent);
  EXPECT_EQ(child.kind, RunKind::kChild);
  EXPECT_EQ(child.experiment, "digits");
  EXPECT_EQ(child.root, RunId("r1"));
  EXPECT_FALSE(child.heartbeat);
  const TrackedRun grandchild = Made(ChildOf("r2", "r3"), &child);
  EXPECT_EQ(grandchild.root, RunId("r1"));
  EXPECT_EQ(grandchild.parent, RunId("r2"));
}

TEST(TrackingChanges, OnlyItsUserAndAnAdminChangeARun) {
  const TrackedRun run = Made(Interactive("r1"));
  const auto refused = Update(run, To(JobStatus::kCompleted), "bob");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kPermissionDenied);
  auto change = ChangeOf(CreateRuns{}, "bob");
  EXPECT_EQ(MakeRun(change, ChildOf("r1", "r2"), &run).error().code, ErrorCode::kPermissionDenied);
  change.caller.role = scheduler::Role::kAdmin;
  EXPECT_TRUE(MakeRun(change, ChildOf("r1", "r2"), &run));
}

TEST(TrackingChanges, ARunThatHasEndedKeepsItsStatus) {
  UpdateRun fail = To(JobStatus::kFailed);
  fail.error_message = "out of memory";
  const TrackedRun failed = *Update(Made(Interactive("r1")), fail);
  EXPECT_TRUE(failed.ended);
  EXPECT_EQ(failed.error_message, "out of memory");
  EXPECT_TRUE(Update(failed, To(JobStatus::kFailed))) << "said again";
  for (const JobStatus status :
       {JobStatus::kRunning, JobStatus::kCompleted, JobStatus::kCanceled}) {
    EXPECT_EQ(Update(failed, To(status)).error().code, ErrorCode::kFailedPrecondition);
  }
}

TEST(TrackingChanges, ARunMadeNotStartedStartsWhenItRuns) {
  NewRun wanted = Interactive("r1");
  wanted.not_started = true;
  const TrackedRun run = Made(wanted);
  EXPECT_EQ(run.status, JobStatus::kNotStarted);
  EXPECT_FALSE(run.started);
  EXPECT_TRUE(Update(run, To(JobStatus::kRunning))->started);
}

TEST(TrackingChanges, TheStatusOfAJobIsNotSetHere) {
  const TrackedRun job =
      RunOf(kTrackedWorkspace, JobRun{RunId("d_1_aa"), "digits", UserName("ann"), {}, {}});
  EXPECT_EQ(Update(job, To(JobStatus::kCompleted)).error().code, ErrorCode::kFailedPrecondition);
  UpdateRun beat;
  beat.heartbeat = true;
  EXPECT_EQ(Update(job, beat).error().code, ErrorCode::kFailedPrecondition);
}

TEST(TrackingChanges, TagsChangeAndPropertiesDoNot) {
  UpdateRun first;
  first.set_tags = {{"stage", "one"}, {"bare", std::nullopt}};
  first.add_properties = {{"commit", "abc"}};
  TrackedRun run = *Update(Made(Interactive("r1")), first);
  UpdateRun second;
  second.set_tags = {{"stage", "two"}};
  second.remove_tags = {"bare", "never there"};
  second.add_properties = {{"commit", "abc"}};
  run = *Update(run, second);
  EXPECT_EQ(run.tags, (Tags{{"stage", "two"}}));
  second.add_properties = {{"commit", "def"}};
  const auto refused = Update(run, second);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_NE(refused.error().message.find("\"commit\""), std::string::npos);
}

TEST(TrackingChanges, FiftyTagsAndPropertiesAreTheLimit) {
  UpdateRun update;
  for (std::size_t i = 0; i < kMaxTags; ++i) {
    update.set_tags["t" + std::to_string(i)] = "v";
    update.add_properties["p" + std::to_string(i)] = "v";
  }
  const TrackedRun full = *Update(Made(Interactive("r1")), update);
  UpdateRun tag;
  tag.set_tags["one more"] = "v";
  EXPECT_EQ(Update(full, tag).error().reason, ErrorReason::kTooMany);
  tag.remove_tags = {"t0"};
  EXPECT_TRUE(Update(full, tag)) << "in place of another";
  UpdateRun property;
  property.add_properties["one more"] = "v";
  EXPECT_EQ(Update(full, property).error().reason, ErrorReason::kTooMany);
}

}  // namespace
}  // namespace muster::storage
