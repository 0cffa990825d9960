#include "scheduler/lifecycle/transitions.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

#include "tests/support/scheduler_builders.h"

namespace muster::scheduler {
namespace {

constexpr std::array kUsed = {
    JobStatus::kPreparing,  JobStatus::kQueued,          JobStatus::kRunning,
    JobStatus::kFinalizing, JobStatus::kCancelRequested, JobStatus::kCompleted,
    JobStatus::kFailed,     JobStatus::kCanceled,        JobStatus::kNotResponding};

std::set<std::string> After(JobStatus from) {
  std::set<std::string> names;
  for (const JobStatus to : kUsed) {
    if (IsLegal(from, to)) names.insert(std::string(StatusName(to)));
  }
  return names;
}

using Names = std::set<std::string>;

TEST(Transitions, AQueuedJobIsPreparedOrCanceled) {
  EXPECT_EQ(After(JobStatus::kQueued), (Names{"Preparing", "Canceled"}));
}

TEST(Transitions, APreparingJobRunsOrIsTakenBack) {
  EXPECT_EQ(After(JobStatus::kPreparing),
            (Names{"Running", "Failed", "CancelRequested", "NotResponding", "Queued"}));
}

TEST(Transitions, ARunningJobCompletesOnlyThroughFinalizing) {
  EXPECT_EQ(After(JobStatus::kRunning),
            (Names{"Finalizing", "Failed", "CancelRequested", "NotResponding", "Queued"}));
  EXPECT_EQ(After(JobStatus::kFinalizing),
            (Names{"Completed", "Failed", "CancelRequested", "NotResponding", "Queued"}));
}

TEST(Transitions, ASilentJobGoesBackOrIsGivenUp) {
  EXPECT_EQ(After(JobStatus::kNotResponding),
            (Names{"Preparing", "Running", "Finalizing", "CancelRequested", "Failed", "Queued"}));
}

TEST(Transitions, ACancelCanOnlyEndInCanceled) {
  EXPECT_EQ(After(JobStatus::kCancelRequested), Names{"Canceled"});
}

TEST(Transitions, NothingFollowsAnEnd) {
  for (const JobStatus end : {JobStatus::kCompleted, JobStatus::kFailed, JobStatus::kCanceled}) {
    EXPECT_TRUE(IsTerminal(end));
    EXPECT_EQ(After(end), Names{});
  }
}

TEST(Transitions, EveryRowIsBetweenStatusesThatAreUsed) {
  for (const auto& row : kJobTransitions) {
    EXPECT_NE(std::find(kUsed.begin(), kUsed.end(), row.from), kUsed.end());
    EXPECT_NE(std::find(kUsed.begin(), kUsed.end(), row.to), kUsed.end());
  }
}

TEST(Transitions, AnAttemptGoesOneWay) {
  for (const auto& row : kAttemptTransitions) EXPECT_LT(row.from, row.to);
  EXPECT_FALSE(IsLegal(AttemptPhase::kLaunching, AttemptPhase::kEnded));
}

TEST(Transitions, ANodeMaySkipPhasesButNeverGoesBack) {
  EXPECT_TRUE(IsLegal(NodePhase::kAssigned, NodePhase::kExited));
  EXPECT_FALSE(IsLegal(NodePhase::kRunning, NodePhase::kReady));
  EXPECT_TRUE(IsLegal(NodePhase::kRunning, NodePhase::kLost));
  EXPECT_TRUE(IsLegal(NodePhase::kLost, NodePhase::kFinished));
  EXPECT_FALSE(IsLegal(NodePhase::kLost, NodePhase::kRunning));
  EXPECT_FALSE(IsLegal(NodePhase::kFinished, NodePhase::kLost));
}

TEST(TransitionsDeathTest, AnIllegalStepAborts) {
  Cluster cluster;
  const JobId job = cluster.Submit(Needs());
  EXPECT_DEATH(cluster.Emit(JobStatusChanged{job, JobStatus::kCompleted, {}}), "illegal step");
}

}  // namespace
}  // namespace muster::scheduler
