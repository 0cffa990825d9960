// What the core asks for as levels and the node's own news come in.
#include "tests/unit/agent_core/agent_core_fixture.h"

namespace muster::agent {
namespace {

class LevelsTest : public AgentCoreTest {
 protected:
  void SetUp() override {
    Start();
    Asked(core_->OnSessionOpened(now()));
  }
  const AttemptId a_ = Id("a");
};

TEST_F(LevelsTest, ASingleNodeAttemptIsPreparedAndLaunchedWithoutASecondWord) {
  EXPECT_EQ(Level({Want(a_, DesiredPhase::kRun)}), Strings{"Prepare a/1"});
  EXPECT_EQ(Only().phase, ObservedPhase::kPreparing);
  EXPECT_EQ(Asked(core_->OnPrepared(a_, std::nullopt, now())), Strings{"Launch a/1"});
  EXPECT_EQ(reports_sent_, 0) << "nobody waits to hear that it was ready";
  EXPECT_EQ(Asked(core_->OnRunning(a_, now())), Strings{});
  EXPECT_EQ(Only().phase, ObservedPhase::kRunning);
}

TEST_F(LevelsTest, AGangMemberWaitsReadyUntilItIsToldToRun) {
  Level({Want(a_, DesiredPhase::kPrepare)});
  EXPECT_EQ(Asked(core_->OnPrepared(a_, std::nullopt, now())), Strings{});
  EXPECT_EQ(Only().phase, ObservedPhase::kReady);
  EXPECT_EQ(Level({Want(a_, DesiredPhase::kRun)}), Strings{"Launch a/1"});
  EXPECT_EQ(core_->Observed().front().phase, ObservedPhase::kReady);
}

TEST_F(LevelsTest, AnAttemptWaitsForItsTask) {
  DesiredAttempt without_task = Want(a_, DesiredPhase::kRun);
  without_task.task = nullptr;
  EXPECT_EQ(Level({without_task}), Strings{});
  EXPECT_EQ(Only().phase, ObservedPhase::kPreparing);
  EXPECT_FALSE(Only().failure);
  EXPECT_EQ(Level({Want(a_, DesiredPhase::kRun)}), Strings{"Prepare a/1"});
}

TEST_F(LevelsTest, AnAttemptThatIsStoppedBeforeItsTaskCameIsOver) {
  DesiredAttempt without_task = Want(a_, DesiredPhase::kRun);
  without_task.task = nullptr;
  Level({without_task});
  without_task.phase = DesiredPhase::kTerminate;
  EXPECT_EQ(Level({without_task}), Strings{});
  EXPECT_EQ(Only().phase, ObservedPhase::kFinished);
}

TEST_F(LevelsTest, ARepeatedLevelAsksForNothingTwice) {
  Level({Want(a_, DesiredPhase::kRun)});
  EXPECT_EQ(Level({Want(a_, DesiredPhase::kRun)}), Strings{});
  Asked(core_->OnPrepared(a_, std::nullopt, now()));
  EXPECT_EQ(Level({Want(a_, DesiredPhase::kRun)}), Strings{});
  EXPECT_EQ(reports_sent_, 0);
}

TEST_F(LevelsTest, ExitIsReportedAtOnceAndFinishedOnlyAfterTheLogsAreShipped) {
  Level({Want(a_, DesiredPhase::kRun)});
  Asked(core_->OnPrepared(a_, std::nullopt, now()));
  Asked(core_->OnRunning(a_, now()));
  Rank rank{0, now().wall, std::nullopt, std::nullopt, std::nullopt};
  Asked(core_->OnRank(a_, rank, now()));
  EXPECT_FALSE(Only().ranks.front().ended);
  rank.ended = now().wall + seconds(1);
  rank.exit_code = 3;
  Asked(core_->OnRank(a_, rank, now()));
  EXPECT_EQ(Only().ranks.front(), rank);
  EXPECT_EQ(Asked(core_->OnExited(a_, std::nullopt, "boom", now())), Strings{"ShipRest a/1"});
  EXPECT_EQ(Only().phase, ObservedPhase::kExited);
  EXPECT_EQ(Only().last_log_lines, "boom");
  Asked(core_->OnShipped(a_, now()));
  EXPECT_EQ(Only().phase, ObservedPhase::kFinished);
  EXPECT_EQ(Level({}), Strings{"Remove a/1"});
  EXPECT_TRUE(report_.attempts.empty());
}

TEST_F(LevelsTest, WhatTheScriptSaidOfItsFailureIsReportedOnceItHasExited) {
  Level({Want(a_, DesiredPhase::kRun)});
  Asked(core_->OnPrepared(a_, std::nullopt, now()));
  Asked(core_->OnRunning(a_, now()));
  Asked(core_->OnScriptFailed(a_, "too early", now()));
  EXPECT_FALSE(Only().failure);
  Asked(core_->OnExited(a_, std::nullopt, "", now()));
  Asked(core_->OnScriptFailed(a_, "diverged", now()));
  Asked(core_->OnScriptFailed(a_, "again", now()));
  Asked(core_->OnShipped(a_, now()));
  EXPECT_EQ(Only().phase, ObservedPhase::kFinished);
  EXPECT_EQ(Only().failure, (Failure{FailureCode::kScriptFailed, "diverged"}));
}

TEST_F(LevelsTest, AnotherFailureIsNotReplacedByWhatTheScriptSaid) {
  Level({Want(a_, DesiredPhase::kRun)});
  Asked(core_->OnPrepared(a_, std::nullopt, now()));
  Asked(core_->OnRunning(a_, now()));
  Asked(core_->OnExited(a_, Failure{FailureCode::kShimLost, "lost"}, "", now()));
  Asked(core_->OnScriptFailed(a_, "diverged", now()));
  EXPECT_EQ(Only().failure->code, FailureCode::kShimLost);
}

TEST_F(LevelsTest, AnEndedRankStaysAsItEnded) {
  Level({Want(a_, DesiredPhase::kRun)});
  Asked(core_->OnPrepared(a_, std::nullopt, now()));
  Rank rank{0, now().wall, now().wall, 3, std::nullopt};
  Asked(core_->OnRank(a_, rank, now()));
  Asked(core_->OnRank(a_, Rank{0, now().wall, std::nullopt, std::nullopt, std::nullopt}, now()));
  EXPECT_EQ(core_->Observed().front().ranks.front(), rank);
}

TEST_F(LevelsTest, TerminateGivesTheGraceAndKillFollowsIt) {
  Level({Want(a_, DesiredPhase::kRun)});
  Asked(core_->OnPrepared(a_, std::nullopt, now()));
  Asked(core_->OnRunning(a_, now()));
  EXPECT_EQ(Level({Want(a_, DesiredPhase::kTerminate)}), Strings{"Terminate a/1 10.0 s"});
  EXPECT_EQ(Level({Want(a_, DesiredPhase::kTerminate)}), Strings{});
  EXPECT_EQ(Level({Want(a_, DesiredPhase::kKill)}), Strings{"Kill a/1"});
  EXPECT_EQ(Level({Want(a_, DesiredPhase::kTerminate)}), Strings{});
}

TEST_F(LevelsTest, AStopBetweenLaunchAndRunningReachesTheShim) {
  Level({Want(a_, DesiredPhase::kRun)});
  Asked(core_->OnPrepared(a_, std::nullopt, now()));
  EXPECT_EQ(Level({Want(a_, DesiredPhase::kKill)}), Strings{"Kill a/1"});
  EXPECT_EQ(Asked(core_->OnRunning(a_, now())), Strings{});
  EXPECT_EQ(Asked(core_->OnExited(a_, std::nullopt, "", now())), Strings{"ShipRest a/1"});
}

TEST_F(LevelsTest, AKillWhileStagingWaitsForTheStaging) {
  Level({Want(a_, DesiredPhase::kRun)});
  EXPECT_EQ(Level({Want(a_, DesiredPhase::kKill)}), Strings{});
  EXPECT_EQ(core_->Observed().front().phase, ObservedPhase::kPreparing);
  EXPECT_EQ(Asked(core_->OnPrepared(a_, std::nullopt, now())), Strings{"ShipRest a/1"});
  Asked(core_->OnShipped(a_, now()));
  EXPECT_EQ(Only().phase, ObservedPhase::kFinished);
}

TEST_F(LevelsTest, AStopIsNeverTakenBack) {
  Level({Want(a_, DesiredPhase::kPrepare)});
  Level({Want(a_, DesiredPhase::kTerminate)});
  Level({Want(a_, DesiredPhase::kRun)});
  EXPECT_EQ(Asked(core_->OnPrepared(a_, std::nullopt, now())), Strings{"ShipRest a/1"});
}

TEST_F(LevelsTest, AReadyAttemptIsStoppedWithoutAShim) {
  Level({Want(a_, DesiredPhase::kPrepare)});
  Asked(core_->OnPrepared(a_, std::nullopt, now()));
  EXPECT_EQ(Level({Want(a_, DesiredPhase::kTerminate)}), Strings{"ShipRest a/1"});
}

TEST_F(LevelsTest, AFailedStagingEndsTheAttemptWithItsReason) {
  Level({Want(a_, DesiredPhase::kPrepare)});
  const Failure failure{FailureCode::kStagingFailed, "The snapshot is damaged."};
  EXPECT_EQ(Asked(core_->OnPrepared(a_, failure, now())), Strings{"ShipRest a/1"});
  EXPECT_EQ(Only().failure, failure);
  EXPECT_EQ(Only().phase, ObservedPhase::kExited);
}

TEST_F(LevelsTest, WhatTheLevelLacksIsKilledAndRemovedOnceDead) {
  Level({Want(a_, DesiredPhase::kRun)});
  Asked(core_->OnPrepared(a_, std::nullopt, now()));
  Asked(core_->OnRunning(a_, now()));
  EXPECT_EQ(Level({}), Strings{"Kill a/1"});
  EXPECT_EQ(core_->Observed().size(), 1U) << "it lives, so it is reported";
  EXPECT_EQ(Asked(core_->OnExited(a_, std::nullopt, "", now())), Strings{"Remove a/1"});
  EXPECT_TRUE(report_.attempts.empty());
}

TEST_F(LevelsTest, WhatTheLevelLacksWhileStagingIsRemovedAfterTheStaging) {
  Level({Want(a_, DesiredPhase::kPrepare)});
  EXPECT_EQ(Level({}), Strings{});
  EXPECT_EQ(Asked(core_->OnPrepared(a_, std::nullopt, now())), Strings{"Remove a/1"});
}

TEST_F(LevelsTest, WhatTheLevelLacksWhileShippingIsRemovedAfterTheShipping) {
  Level({Want(a_, DesiredPhase::kRun)});
  Asked(core_->OnPrepared(a_, std::nullopt, now()));
  Asked(core_->OnExited(a_, std::nullopt, "", now()));
  EXPECT_EQ(Level({}), Strings{});
  EXPECT_EQ(Asked(core_->OnShipped(a_, now())), Strings{"Remove a/1"});
}

TEST_F(LevelsTest, AStopOfWhatNeverArrivedIsReportedFinished) {
  EXPECT_EQ(Level({Want(a_, DesiredPhase::kKill)}), Strings{});
  EXPECT_EQ(Only().phase, ObservedPhase::kFinished);
  EXPECT_TRUE(Only().ranks.empty());
  EXPECT_EQ(Level({}), Strings{}) << "nothing was ever on disk";
  EXPECT_TRUE(core_->Observed().empty());
}

TEST_F(LevelsTest, AnOlderEpochOrVersionIsIgnored) {
  Asked(core_->OnDesired(Desired{3, 7, {Want(a_, DesiredPhase::kRun)}}, now()));
  Asked(core_->OnPrepared(a_, std::nullopt, now()));
  EXPECT_EQ(Asked(core_->OnDesired(Desired{3, 6, {}}, now())), Strings{});
  EXPECT_EQ(Asked(core_->OnDesired(Desired{2, 900, {}}, now())), Strings{});
  EXPECT_EQ(core_->SeenEpoch(), 3U);
  EXPECT_EQ(Asked(core_->OnDesired(Desired{4, 1, {}}, now())), Strings{"Kill a/1"});
}

TEST_F(LevelsTest, AnEpochOlderThanTheLedgersIsIgnored) {
  Start({}, 5);
  EXPECT_EQ(Asked(core_->OnDesired(Desired{4, 9, {Want(a_, DesiredPhase::kRun)}}, now())),
            Strings{});
  EXPECT_EQ(Asked(core_->OnDesired(Desired{5, 1, {Want(a_, DesiredPhase::kRun)}}, now())),
            Strings{"Prepare a/1"});
}

TEST_F(LevelsTest, ANodeLowOnDiskRefusesNewAttemptsAndKeepsOldOnes) {
  Level({Want(a_, DesiredPhase::kPrepare)});
  Asked(core_->OnDisk(5 << 20, true, now()));
  EXPECT_TRUE(report_.disk_low);
  EXPECT_EQ(Level({Want(a_, DesiredPhase::kPrepare), Want(Id("b"), DesiredPhase::kPrepare)}),
            Strings{});
  ASSERT_EQ(report_.attempts.size(), 2U);
  EXPECT_EQ(report_.attempts[0].phase, ObservedPhase::kPreparing);
  EXPECT_EQ(report_.attempts[1].phase, ObservedPhase::kFinished);
  EXPECT_EQ(report_.attempts[1].failure->code, FailureCode::kNodeDiskFull);
}

TEST_F(LevelsTest, FreeBytesAloneMakeNoReport) {
  Asked(core_->OnDisk(10 << 20, false, now()));
  EXPECT_EQ(reports_sent_, 0);
  Level({Want(a_, DesiredPhase::kPrepare)});
  EXPECT_EQ(report_.free_disk_bytes, 10U << 20);
}

TEST_F(LevelsTest, NewsOfUnknownAttemptsIsIgnored) {
  EXPECT_TRUE(core_->OnPrepared(a_, std::nullopt, now()).empty());
  EXPECT_TRUE(core_->OnRunning(a_, now()).empty());
  EXPECT_TRUE(core_->OnExited(a_, std::nullopt, "", now()).empty());
  EXPECT_TRUE(core_->OnShipped(a_, now()).empty());
}

}  // namespace
}  // namespace muster::agent
