#include "scheduler/lifecycle/cancel.h"

#include <gtest/gtest.h>

#include "scheduler/lifecycle/deadlines.h"
#include "tests/support/scheduler_builders.h"

namespace muster::scheduler {
namespace {

constexpr DeadlineConfig kDeadlines{std::chrono::minutes(30)};

class Cancel : public ::testing::Test {
 protected:
  Cancel() { cluster.AddNode(kN1); }
  void ExpireNow(const AttemptId& id) {
    cluster.Do([&](Decision& decision) {
      Expire(decision, id, *DeadlineOf(cluster.state, id), kDeadlines);
    });
  }
  Cluster cluster;
};

TEST_F(Cancel, AWaitingJobIsCanceledAtOnce) {
  const JobId job = cluster.Submit(Needs());
  const auto answer = cluster.Cancel(job);
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->job_status, JobStatus::kCanceled);
  EXPECT_EQ(cluster.CauseOf(job)->message, "Canceled by alice.");
  EXPECT_TRUE(cluster.state.jobs.empty());
}

TEST_F(Cancel, APreparingJobIsToldToStopAndEndsWithItsNode) {
  const AttemptId id = cluster.SubmitAndStart(Needs(), {kN1});
  EXPECT_EQ(cluster.Cancel(id.job)->job_status, JobStatus::kCancelRequested);
  EXPECT_EQ(cluster.Get(id).stop, StopMode::kTerminate);
  cluster.Report(kN1, {Observed(id, ObservedPhase::kFinished)});
  EXPECT_EQ(cluster.StatusOf(id.job), JobStatus::kCanceled);
  EXPECT_EQ(cluster.CauseOf(id.job)->code, CauseCode::kCanceledByUser);
}

TEST_F(Cancel, ARunningJobIsCanceledHoweverItsRanksEnd) {
  const AttemptId id = cluster.SubmitAndStart(Needs(), {kN1});
  cluster.Report(kN1, {Observed(id, ObservedPhase::kRunning, {Started(0)})});
  ASSERT_TRUE(cluster.Cancel(id.job).has_value());
  cluster.Report(kN1, {Observed(id, ObservedPhase::kFinished, {Exited(0, 0)})});
  EXPECT_EQ(cluster.StatusOf(id.job), JobStatus::kCanceled);
}

TEST_F(Cancel, AfterGraceAndReportTimeItEndsWhateverTheNodeSays) {
  JobRequirements needs = Needs();
  needs.grace_period = std::chrono::seconds(10);
  const AttemptId id = cluster.SubmitAndStart(needs, {kN1});
  ASSERT_TRUE(cluster.Cancel(id.job).has_value());
  EXPECT_EQ(DeadlineOf(cluster.state, id), Deadline::kStopping);
  EXPECT_EQ(TimeUntil(cluster.state, id, Deadline::kStopping, kDeadlines, kStartTime),
            std::chrono::seconds(14));
  ExpireNow(id);
  EXPECT_EQ(cluster.StatusOf(id.job), JobStatus::kCanceled);
  // The node stays held until it says that it is rid of it.
  EXPECT_TRUE(cluster.state.nodes.at(kN1).held.contains(id));
  cluster.Report(kN1, {Observed(id, ObservedPhase::kFinished)});
  EXPECT_TRUE(cluster.state.nodes.at(kN1).held.empty());
  EXPECT_TRUE(cluster.state.jobs.empty());
}

TEST_F(Cancel, ASecondCancelIsAnsweredAndChangesNothing) {
  const AttemptId id = cluster.SubmitAndStart(Needs(), {kN1});
  ASSERT_TRUE(cluster.Cancel(id.job).has_value());
  EXPECT_EQ(cluster.Cancel(id.job)->job_status, JobStatus::kCancelRequested);
  EXPECT_TRUE(cluster.last_events.empty());
}

TEST_F(Cancel, ARepeatedCancelIsAnsweredWithTheStatusOfNow) {
  const JobId job = cluster.Submit(Needs());
  CancelJob command;
  command.workspace = kDefault;
  command.job = job;
  command.idempotency = Key("cancel");
  ASSERT_TRUE(cluster.Ask(command).has_value());
  const auto again = cluster.Ask(command);
  ASSERT_TRUE(again.has_value());
  EXPECT_TRUE(again->repeated);
  EXPECT_EQ(again->job_status, JobStatus::kCanceled);
}

TEST_F(Cancel, OthersJobsAreNotAUsersToCancel) {
  const JobId job = cluster.Submit(Needs());
  cluster.surroundings.principal.role = Role::kUser;
  cluster.surroundings.principal.user = UserName("bob");
  const auto answer = cluster.Cancel(job);
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().code, ErrorCode::kPermissionDenied);
  cluster.surroundings.principal.user = UserName("alice");
  EXPECT_TRUE(cluster.Cancel(job).has_value());
}

TEST_F(Cancel, AJobOfAnotherWorkspaceIsNotFound) {
  const JobId job = cluster.Submit(Needs());
  cluster.Emit(WorkspaceCreated{WorkspaceName("other")});
  CancelJob command;
  command.workspace = WorkspaceName("other");
  command.job = job;
  const auto answer = cluster.Ask(command);
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().reason, ErrorReason::kUnknownJob);
}

TEST_F(Cancel, AGangThatIsDyingAlreadyIsCanceledInTime) {
  const AttemptId id = cluster.SubmitAndStart(Needs(), {kN1});
  cluster.Report(kN1, {Observed(id, ObservedPhase::kRunning, {Exited(0, 1)})});
  EXPECT_EQ(DeadlineOf(cluster.state, id), std::nullopt);
  ASSERT_TRUE(cluster.Cancel(id.job).has_value());
  EXPECT_EQ(DeadlineOf(cluster.state, id), Deadline::kStopping);
}

TEST_F(Cancel, TheTimeLimitTakesThePathOfCancelWithItsOwnCause) {
  JobRequirements needs = Needs();
  needs.max_run_duration = std::chrono::minutes(1);
  const AttemptId id = cluster.SubmitAndStart(needs, {kN1});
  EXPECT_EQ(DeadlineOf(cluster.state, id), Deadline::kPreparing);
  cluster.Report(kN1, {Observed(id, ObservedPhase::kRunning, {Started(0)})});
  EXPECT_EQ(TimeUntil(cluster.state, id, Deadline::kRunning, kDeadlines,
                      kStartTime + std::chrono::seconds(20)),
            std::chrono::seconds(40));
  ExpireNow(id);
  EXPECT_EQ(cluster.Get(id).stop, StopMode::kTerminate);
  EXPECT_EQ(cluster.StatusOf(id.job), JobStatus::kCancelRequested);
  ExpireNow(id);
  EXPECT_EQ(cluster.StatusOf(id.job), JobStatus::kCanceled);
  EXPECT_EQ(cluster.CauseOf(id.job)->code, CauseCode::kMaxRunDuration);
}

TEST_F(Cancel, AnAttemptThatPreparesForTooLongFails) {
  const AttemptId id = cluster.SubmitAndStart(Needs(), {kN1});
  ExpireNow(id);
  cluster.Report(kN1, {Observed(id, ObservedPhase::kFinished)});
  EXPECT_EQ(cluster.CauseOf(id.job)->code, CauseCode::kStagingFailed);
}

}  // namespace
}  // namespace muster::scheduler
