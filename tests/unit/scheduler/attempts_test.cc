#include "scheduler/lifecycle/attempts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/scheduler_builders.h"

namespace muster::scheduler {
namespace {

using ::testing::HasSubstr;

// Two nodes with a gang of two processes each.
class Gang : public ::testing::Test {
 protected:
  Gang() {
    cluster.AddNode(kN1);
    cluster.AddNode(kN2);
    id = cluster.SubmitAndStart(Needs(2, 2), {kN1, kN2});
  }
  void Run() {
    cluster.Report(kN1, {Observed(id, ObservedPhase::kReady)});
    cluster.Report(kN2, {Observed(id, ObservedPhase::kReady)});
    cluster.Report(kN1, {Observed(id, ObservedPhase::kRunning, {Started(0), Started(1)})});
    cluster.Report(kN2, {Observed(id, ObservedPhase::kRunning, {Started(2), Started(3)})});
  }
  JobStatus status() const { return cluster.StatusOf(id.job); }

  Cluster cluster;
  AttemptId id;
};

TEST_F(Gang, LaunchesOnceAllNodesAreReady) {
  EXPECT_EQ(status(), JobStatus::kPreparing);
  cluster.Report(kN1, {Observed(id, ObservedPhase::kReady)});
  EXPECT_EQ(cluster.Get(id).phase, AttemptPhase::kPreparing);
  cluster.Report(kN2, {Observed(id, ObservedPhase::kReady)});
  EXPECT_EQ(cluster.Get(id).phase, AttemptPhase::kLaunching);
  EXPECT_EQ(status(), JobStatus::kPreparing);
}

TEST_F(Gang, RunsWithItsFirstRank) {
  cluster.Report(kN1, {Observed(id, ObservedPhase::kReady)});
  cluster.Report(kN2, {Observed(id, ObservedPhase::kReady)});
  cluster.Report(kN2, {Observed(id, ObservedPhase::kRunning, {Started(2)})});
  EXPECT_EQ(status(), JobStatus::kRunning);
  EXPECT_EQ(cluster.Get(id).rank_nodes.at(2), kN2);
}

TEST_F(Gang, CompletesWhenEveryNodeHasShippedItsLogs) {
  Run();
  cluster.Report(kN1, {Observed(id, ObservedPhase::kExited, {Exited(0, 0), Exited(1, 0)})});
  EXPECT_EQ(status(), JobStatus::kRunning);
  cluster.Report(kN2, {Observed(id, ObservedPhase::kExited, {Exited(2, 0), Exited(3, 0)})});
  EXPECT_EQ(status(), JobStatus::kFinalizing);
  cluster.Report(kN1, {Observed(id, ObservedPhase::kFinished, {Exited(0, 0), Exited(1, 0)})});
  EXPECT_EQ(status(), JobStatus::kFinalizing);
  EXPECT_TRUE(cluster.state.nodes.at(kN1).held.empty());
  EXPECT_FALSE(cluster.state.nodes.at(kN2).held.empty());
  cluster.Report(kN2, {Observed(id, ObservedPhase::kFinished, {Exited(2, 0), Exited(3, 0)})});
  EXPECT_EQ(status(), JobStatus::kCompleted);
  EXPECT_TRUE(cluster.state.jobs.empty());
  EXPECT_TRUE(cluster.state.attempts.empty());
}

TEST_F(Gang, FailsIfTheScriptSaysSoThoughEveryRankEndedWell) {
  Run();
  cluster.Report(kN1, {Observed(id, ObservedPhase::kExited, {Exited(0, 0), Exited(1, 0)})});
  cluster.Report(kN2, {Observed(id, ObservedPhase::kFinished, {Exited(2, 0), Exited(3, 0)})});
  EXPECT_EQ(status(), JobStatus::kFinalizing);
  ObservedAttempt said = Observed(id, ObservedPhase::kFinished);
  said.failure = CauseOf(CauseCode::kScriptFailed, "The loss is not a number");
  cluster.Report(kN1, {said});
  EXPECT_EQ(status(), JobStatus::kFailed);
  const Cause cause = *cluster.CauseOf(id.job);
  EXPECT_EQ(cause.code, CauseCode::kScriptFailed);
  EXPECT_EQ(cause.message, "The loss is not a number");
  EXPECT_EQ(cause.node, kN1);
}

TEST_F(Gang, NamesARankThatFailedBeforeWhatTheScriptSaid) {
  Run();
  ObservedAttempt said = Observed(id, ObservedPhase::kFinished, {Exited(0, 3), Exited(1, 0)});
  said.failure = CauseOf(CauseCode::kScriptFailed, "The loss is not a number");
  cluster.Report(kN1, {said});
  EXPECT_EQ(cluster.Get(id).cause->code, CauseCode::kScriptExited);
}

TEST_F(Gang, IsKilledAtOnceWhenARankFailsAndNamesTheFirst) {
  Run();
  cluster.Report(kN2,
                 {Observed(id, ObservedPhase::kRunning, {Signaled(2, 9, 5), Exited(3, 7, 4)})});
  const Attempt& attempt = cluster.Get(id);
  EXPECT_EQ(attempt.phase, AttemptPhase::kStopping);
  EXPECT_EQ(attempt.stop, StopMode::kKill);
  EXPECT_EQ(attempt.cause->rank, 3U);
  EXPECT_EQ(status(), JobStatus::kRunning);
  // What dies of that is collateral, but recorded.
  cluster.Report(kN1,
                 {Observed(id, ObservedPhase::kExited, {Signaled(0, 9, 1), Signaled(1, 9, 1)})});
  EXPECT_EQ(cluster.Get(id).ranks.at(0).signal, 9);
  cluster.Report(kN1, {Observed(id, ObservedPhase::kFinished)});
  cluster.Report(kN2, {Observed(id, ObservedPhase::kFinished)});
  EXPECT_EQ(status(), JobStatus::kFailed);
  const Cause cause = *cluster.CauseOf(id.job);
  EXPECT_EQ(cause.code, CauseCode::kScriptExited);
  EXPECT_EQ(cause.exit_code, 7);
  EXPECT_EQ(cause.message, "Rank 3 on node n2 exited with code 7.");
}

TEST_F(Gang, ALostShimIsBehindTheEndOfRanksElsewhere) {
  Run();
  ObservedAttempt ended =
      Observed(id, ObservedPhase::kExited, {Signaled(0, 9, 3), Signaled(1, 9, 3)});
  ended.last_log_lines = "of a rank that is not to blame";
  cluster.Report(kN1, {ended});
  EXPECT_EQ(cluster.Get(id).cause->code, CauseCode::kScriptSignaled);
  ObservedAttempt lost = Observed(id, ObservedPhase::kExited);
  lost.failure = CauseOf(CauseCode::kShimLost, "The shim was killed.");
  lost.last_log_lines = "the last of n2";
  cluster.Report(kN2, {lost});
  EXPECT_EQ(cluster.Get(id).cause->code, CauseCode::kShimLost);
  EXPECT_EQ(cluster.Get(id).log_tail, "the last of n2");
  cluster.Report(kN1, {ended});
  cluster.Report(kN1, {Observed(id, ObservedPhase::kFinished)});
  cluster.Report(kN2, {Observed(id, ObservedPhase::kFinished)});
  EXPECT_EQ(cluster.CauseOf(id.job)->code, CauseCode::kShimLost);
  EXPECT_EQ(cluster.CauseOf(id.job)->node, kN2);
}

TEST_F(Gang, AScriptsOwnExitIsNotExplainedByALoss) {
  Run();
  ObservedAttempt ended = Observed(id, ObservedPhase::kRunning, {Exited(0, 3, 3), Started(1)});
  ended.last_log_lines = "the reason";
  cluster.Report(kN1, {ended});
  ObservedAttempt lost = Observed(id, ObservedPhase::kExited);
  lost.failure = CauseOf(CauseCode::kLeaseExpired, "The lease ran out.");
  cluster.Report(kN2, {lost});
  EXPECT_EQ(cluster.Get(id).cause->exit_code, 3);
  EXPECT_EQ(cluster.Get(id).log_tail, "the reason");
}

TEST_F(Gang, TheRankThatEndedFirstIsToBlameWhoeverReportsFirst) {
  Run();
  cluster.Report(kN1, {Observed(id, ObservedPhase::kExited, {Signaled(0, 15, 6), Started(1)})});
  cluster.Report(kN2, {Observed(id, ObservedPhase::kRunning, {Signaled(2, 11, 5), Started(3)})});
  EXPECT_EQ(cluster.Get(id).cause->rank, 2U);
  // One that ended by itself is not explained by what ended before.
  cluster.Report(kN1,
                 {Observed(id, ObservedPhase::kExited, {Signaled(0, 15, 6), Exited(1, 1, 4)})});
  EXPECT_EQ(cluster.Get(id).cause->rank, 2U);
}

TEST_F(Gang, ACancelStaysTheCauseWhateverIsLostAfterwards) {
  Run();
  cluster.Cancel(id.job);
  ObservedAttempt lost = Observed(id, ObservedPhase::kExited);
  lost.failure = CauseOf(CauseCode::kShimLost, "The shim was killed.");
  cluster.Report(kN2, {lost});
  EXPECT_EQ(cluster.Get(id).cause->code, CauseCode::kCanceledByUser);
}

TEST_F(Gang, NamesTheSignal) {
  Run();
  cluster.Report(kN1, {Observed(id, ObservedPhase::kRunning, {Signaled(0, 11), Started(1)})});
  EXPECT_EQ(cluster.Get(id).cause->code, CauseCode::kScriptSignaled);
  EXPECT_THAT(cluster.Get(id).cause->message, HasSubstr("signal 11 (SIGSEGV)"));
}

TEST_F(Gang, FailsWhenStagingFailsWithoutEverHavingRun) {
  ObservedAttempt failed = Observed(id, ObservedPhase::kExited);
  failed.failure = CauseOf(CauseCode::kStagingFailed, "No such snapshot.");
  failed.last_log_lines = "tail";
  cluster.Report(kN1, {failed});
  EXPECT_EQ(cluster.Get(id).log_tail, "tail");
  cluster.Report(kN1, {Observed(id, ObservedPhase::kFinished)});
  cluster.Report(kN2, {Observed(id, ObservedPhase::kFinished)});
  EXPECT_EQ(status(), JobStatus::kFailed);
  EXPECT_EQ(cluster.CauseOf(id.job)->code, CauseCode::kStagingFailed);
  EXPECT_EQ(cluster.CauseOf(id.job)->node, kN1);
}

TEST_F(Gang, ARankIsToBlameWhereTheLauncherFailedForIt) {
  Run();
  ObservedAttempt exited = Observed(id, ObservedPhase::kExited, {Exited(0, 3), Signaled(1, 9)});
  exited.failure = CauseOf(CauseCode::kLauncherFailed, "mpirun ended with 3.");
  cluster.Report(kN1, {exited});
  EXPECT_EQ(cluster.Get(id).cause->code, CauseCode::kScriptExited);
}

TEST_F(Gang, ARankThatNeverStartedIsAFailure) {
  Run();
  cluster.Report(kN1, {Observed(id, ObservedPhase::kFinished, {Exited(0, 0), Exited(1, 0)})});
  cluster.Report(kN2, {Observed(id, ObservedPhase::kFinished, {Exited(2, 0)})});
  EXPECT_EQ(status(), JobStatus::kFailed);
  EXPECT_EQ(cluster.CauseOf(id.job)->code, CauseCode::kLauncherFailed);
  EXPECT_THAT(cluster.CauseOf(id.job)->message, HasSubstr("Rank 3 left no record"));
}

TEST_F(Gang, ARepeatedReportChangesNothing) {
  Run();
  const std::uint64_t before = cluster.state.last_sequence;
  cluster.Report(kN2, {Observed(id, ObservedPhase::kRunning, {Started(2), Started(3)})});
  EXPECT_EQ(cluster.state.last_sequence, before);
}

TEST_F(Gang, AnotherNodesRankIsNotToBeHadByANode) {
  Run();
  cluster.Report(kN1, {Observed(id, ObservedPhase::kRunning,
                                {Started(0), Started(1), Exited(2, 1), Exited(99, 1)})});
  EXPECT_EQ(cluster.Get(id).ranks.size(), 4U);
  EXPECT_FALSE(cluster.Get(id).ranks.at(2).ended.has_value());
}

TEST_F(Gang, AnotherNodesRankIsNotToBeHadByTheFirstToReportIt) {
  cluster.Report(kN1, {Observed(id, ObservedPhase::kReady)});
  cluster.Report(kN2, {Observed(id, ObservedPhase::kReady)});
  cluster.Report(kN1, {Observed(id, ObservedPhase::kRunning, {Started(0), Exited(3, 1)})});
  EXPECT_EQ(cluster.Get(id).ranks.size(), 1U);
  cluster.Report(kN2, {Observed(id, ObservedPhase::kRunning, {Started(3)})});
  EXPECT_EQ(cluster.Get(id).rank_nodes.at(3), kN2);
  EXPECT_FALSE(cluster.Get(id).ranks.at(3).ended.has_value());
}

TEST(SingleNode, NeedsNoBarrier) {
  Cluster cluster;
  cluster.AddNode(kN1);
  const AttemptId id = cluster.SubmitAndStart(Needs(), {kN1});
  cluster.Report(kN1, {Observed(id, ObservedPhase::kReady)});
  EXPECT_EQ(cluster.Get(id).phase, AttemptPhase::kPreparing);
  cluster.Report(kN1, {Observed(id, ObservedPhase::kFinished, {Exited(0, 0)})});
  EXPECT_EQ(cluster.StatusOf(id.job), JobStatus::kCompleted);
}

TEST(SingleNode, AJobThatEndsBetweenTwoReportsStillWentThroughAllStatuses) {
  Cluster cluster;
  cluster.AddNode(kN1);
  const AttemptId id = cluster.SubmitAndStart(Needs(), {kN1});
  cluster.Report(kN1, {Observed(id, ObservedPhase::kFinished, {Exited(0, 0)})});
  std::vector<JobStatus> statuses;
  for (const Event& event : cluster.last_events) {
    if (const auto* e = std::get_if<JobStatusChanged>(&event.body)) statuses.push_back(e->status);
  }
  EXPECT_EQ(statuses,
            (std::vector{JobStatus::kRunning, JobStatus::kFinalizing, JobStatus::kCompleted}));
}

TEST(Absence, AnAttemptThatWasNeverSeenIsToldAgain) {
  Cluster cluster;
  cluster.AddNode(kN1);
  const AttemptId id = cluster.SubmitAndStart(Needs(), {kN1});
  cluster.Report(kN1, {});
  EXPECT_EQ(cluster.Get(id).phase, AttemptPhase::kPreparing);
  EXPECT_EQ(cluster.PhaseOn(id, kN1), NodePhase::kAssigned);
}

TEST(Absence, AnAttemptThatWasReadyIsLostWithTheNodesRecordOfIt) {
  Cluster cluster;
  cluster.AddNode(kN1);
  const AttemptId id = cluster.SubmitAndStart(Needs(), {kN1});
  cluster.Report(kN1, {Observed(id, ObservedPhase::kRunning, {Started(0)})});
  cluster.Report(kN1, {}, {id});
  EXPECT_EQ(cluster.StatusOf(id.job), JobStatus::kFailed);
  EXPECT_EQ(cluster.CauseOf(id.job)->code, CauseCode::kNodeLost);
  // The next report shows that the node is rid of it.
  EXPECT_FALSE(cluster.state.nodes.at(kN1).held.empty());
  cluster.Report(kN1, {}, {id});
  EXPECT_TRUE(cluster.state.nodes.at(kN1).held.empty());
}

TEST(Absence, AStoppedAttemptThatTheSessionWasNotToldOfIsGone) {
  Cluster cluster;
  cluster.AddNode(kN1);
  const AttemptId id = cluster.SubmitAndStart(Needs(), {kN1});
  ASSERT_TRUE(cluster.Cancel(id.job).has_value());
  cluster.Report(kN1, {}, {id});  // made before the node heard of it, perhaps
  EXPECT_EQ(cluster.StatusOf(id.job), JobStatus::kCancelRequested);
  cluster.Report(kN1, {}, {});  // a new session
  EXPECT_EQ(cluster.StatusOf(id.job), JobStatus::kCanceled);
}

}  // namespace
}  // namespace muster::scheduler
