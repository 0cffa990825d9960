// Reports, restarts of the agent, and the relay of MPI's daemons.
#include "tests/unit/agent_core/agent_core_fixture.h"

namespace muster::agent {
namespace {

class SessionTest : public AgentCoreTest {
 protected:
  RecoveredAttempt Recovered(ObservedPhase phase) const {
    RecoveredAttempt attempt;
    attempt.id = a_;
    attempt.task = std::make_shared<const std::string>("task");
    attempt.phase = phase;
    return attempt;
  }
  const AttemptId a_ = Id("a");
};

TEST_F(SessionTest, EverySessionStartsWithANewReport) {
  Start();
  Asked(core_->OnSessionOpened(now()));
  EXPECT_EQ(report_.sequence, 1U);
  Asked(core_->OnSessionClosed(now()));
  Asked(core_->OnSessionOpened(now()));
  EXPECT_EQ(report_.sequence, 2U);
}

TEST_F(SessionTest, AReportIsRepeatedWithItsNumberUntilItIsAcknowledged) {
  mute_ = true;
  Start();
  Asked(core_->OnSessionOpened(now()));
  EXPECT_EQ(core_->NextTimer(), now().steady + seconds(2));
  Pass(seconds(2));
  Asked(core_->OnTimer(now()));
  EXPECT_EQ(reports_sent_, 1);
  EXPECT_EQ(report_.sequence, 1U);
  Asked(core_->OnReportAck(1, now()));
  EXPECT_EQ(core_->NextTimer(), std::nullopt);
}

TEST_F(SessionTest, TheAcknowledgementOfAnOlderReportDoesNotEndTheRepetition) {
  Start();
  Asked(core_->OnSessionOpened(now()));
  mute_ = true;
  Level({Want(a_, DesiredPhase::kPrepare)});
  EXPECT_EQ(report_.sequence, 2U);
  Asked(core_->OnReportAck(1, now()));
  EXPECT_TRUE(core_->NextTimer());
}

TEST_F(SessionTest, WhatChangesWhileAReportIsUnderWayGoesWithTheNext) {
  Start();
  Asked(core_->OnSessionOpened(now()));
  mute_ = true;
  Level({Want(a_, DesiredPhase::kRun)});
  EXPECT_EQ(reports_sent_, 1);
  EXPECT_EQ(Asked(core_->OnPrepared(a_, std::nullopt, now())), Strings{"Launch a/1"});
  Asked(core_->OnRunning(a_, now()));
  Asked(core_->OnRank(a_, Rank{0, now().wall, std::nullopt, std::nullopt, std::nullopt}, now()));
  EXPECT_EQ(report_.sequence, 2U);
  Asked(core_->OnReportAck(2, now()));
  EXPECT_EQ(reports_sent_, 1);
  EXPECT_EQ(Only().phase, ObservedPhase::kRunning);
  EXPECT_EQ(Only().ranks.size(), 1U);
}

TEST_F(SessionTest, WithoutASessionNothingIsSentAndTheNextOneTellsAll) {
  RunOne(a_);
  Asked(core_->OnSessionClosed(now()));
  EXPECT_EQ(Asked(core_->OnExited(a_, std::nullopt, "", now())), Strings{"ShipRest a/1"});
  EXPECT_EQ(reports_sent_, 0);
  EXPECT_EQ(core_->NextTimer(), std::nullopt);
  Asked(core_->OnSessionOpened(now()));
  EXPECT_EQ(Only().phase, ObservedPhase::kExited);
}

TEST_F(SessionTest, WhatWasStagingWhenTheAgentDiedIsStagedAgainIfStillWanted) {
  Start({Recovered(ObservedPhase::kPreparing)});
  EXPECT_EQ(Asked(core_->OnSessionOpened(now())), Strings{});
  EXPECT_EQ(Level({Want(a_, DesiredPhase::kRun)}), Strings{"Prepare a/1"});
}

TEST_F(SessionTest, WhatWasStagingAndIsToBeStoppedIsNotStagedAgain) {
  Start({Recovered(ObservedPhase::kPreparing)});
  EXPECT_EQ(Level({Want(a_, DesiredPhase::kKill)}), Strings{"ShipRest a/1"});
}

TEST_F(SessionTest, AReadyAttemptIsReadyAfterARestart) {
  Start({Recovered(ObservedPhase::kReady)});
  Asked(core_->OnSessionOpened(now()));
  EXPECT_EQ(Only().phase, ObservedPhase::kReady);
  EXPECT_EQ(Level({Want(a_, DesiredPhase::kPrepare)}), Strings{});
  EXPECT_EQ(Level({Want(a_, DesiredPhase::kRun)}), Strings{"Launch a/1"});
}

TEST_F(SessionTest, ARunningAttemptIsAdoptedWithItsRanks) {
  RecoveredAttempt running = Recovered(ObservedPhase::kRunning);
  running.ranks = {Rank{4, now().wall, std::nullopt, std::nullopt, std::nullopt}};
  Start({running});
  Asked(core_->OnSessionOpened(now()));
  EXPECT_EQ(Only().phase, ObservedPhase::kRunning);
  EXPECT_EQ(Only().ranks, running.ranks);
  EXPECT_EQ(Level({Want(a_, DesiredPhase::kRun)}), Strings{});
  EXPECT_EQ(Level({Want(a_, DesiredPhase::kTerminate)}), Strings{"Terminate a/1 10.0 s"});
}

TEST_F(SessionTest, AnAttemptThatEndedMeanwhileIsShippedAfterTheRestart) {
  RecoveredAttempt exited = Recovered(ObservedPhase::kExited);
  exited.failure = Failure{FailureCode::kShimLost, "The shim was killed."};
  Start({exited});
  EXPECT_EQ(Asked(core_->OnSessionOpened(now())), Strings{"ShipRest a/1"});
  EXPECT_EQ(Only().failure, exited.failure);
}

TEST_F(SessionTest, AFinishedAttemptIsOnlyReportedUntilItIsRemoved) {
  Start({Recovered(ObservedPhase::kFinished)});
  EXPECT_EQ(Asked(core_->OnSessionOpened(now())), Strings{});
  EXPECT_EQ(Only().phase, ObservedPhase::kFinished);
  EXPECT_EQ(Level({Want(a_, DesiredPhase::kKill)}), Strings{});
  EXPECT_EQ(Level({}), Strings{"Remove a/1"});
}

TEST_F(SessionTest, StrangersFoundAtTheStartAreRemoved) {
  Start({Recovered(ObservedPhase::kRunning)});
  EXPECT_EQ(Level({}), Strings{"Kill a/1"});
}

class RelayTest : public SessionTest {
 protected:
  DesiredAttempt Wanted() const { return Want(a_, DesiredPhase::kRun); }
  const DaemonRequest request_{7, NodeId("n2"), {"orted", "-mca"}};
};

TEST_F(RelayTest, TheHeadReportsWhatMpirunWaitsForAndPassesTheAnswerOn) {
  RunOne(a_);
  EXPECT_EQ(Asked(core_->OnDaemonRequested(a_, request_, now())), Strings{});
  EXPECT_EQ(Only().daemon_requests, std::vector{request_});
  DesiredAttempt answered = Wanted();
  answered.daemon_exits = {DaemonExit{7, 3}};
  EXPECT_EQ(Level({answered}), Strings{"AnswerDaemon a/1 7=3"});
  EXPECT_TRUE(Only().daemon_requests.empty());
  EXPECT_EQ(Level({answered}), Strings{});
}

TEST_F(RelayTest, ARepeatedRequestIsOneRequestAndAKnownAnswerIsGivenAtOnce) {
  RunOne(a_);
  Asked(core_->OnDaemonRequested(a_, request_, now()));
  Asked(core_->OnDaemonRequested(a_, request_, now()));
  EXPECT_EQ(reports_sent_, 0);
  DesiredAttempt answered = Wanted();
  answered.daemon_exits = {DaemonExit{7, 0}};
  Level({answered});
  Level({Wanted()});
  EXPECT_EQ(Asked(core_->OnDaemonRequested(a_, request_, now())), Strings{"AnswerDaemon a/1 7=0"});
}

TEST_F(RelayTest, ARequestOfAnAttemptThatDoesNotRunIsRefused) {
  Start();
  EXPECT_EQ(Asked(core_->OnDaemonRequested(a_, request_, now())),
            Strings{"AnswerDaemon a/1 7=255"});
}

TEST_F(RelayTest, AnotherNodeStartsEachDaemonOnceAndOnlyWhenItsShimIsUp) {
  Start();
  Asked(core_->OnSessionOpened(now()));
  DesiredAttempt with_daemon = Wanted();
  with_daemon.daemons = {request_};
  EXPECT_EQ(Level({with_daemon}), Strings{"Prepare a/1"});
  EXPECT_EQ(Asked(core_->OnPrepared(a_, std::nullopt, now())), Strings{"Launch a/1"});
  EXPECT_EQ(Asked(core_->OnRunning(a_, now())), Strings{"StartDaemon a/1 7"});
  EXPECT_EQ(Level({with_daemon}), Strings{});
  Asked(core_->OnDaemonEnded(a_, DaemonExit{7, 137}, now()));
  EXPECT_EQ(Only().daemon_exits, (std::vector{DaemonExit{7, 137}}));
}

TEST_F(RelayTest, ADaemonThatRunsIsNotStartedAgainAfterARestart) {
  RecoveredAttempt running = Recovered(ObservedPhase::kRunning);
  running.daemons_started = {request_};
  Start({running});
  DesiredAttempt with_daemon = Wanted();
  with_daemon.daemons = {request_};
  EXPECT_EQ(Level({with_daemon}), Strings{});
}

TEST_F(RelayTest, ADaemonThatDiedWithItsAttemptIsReportedAsEnded) {
  RunOne(a_);
  DesiredAttempt with_daemon = Wanted();
  with_daemon.daemons = {request_};
  Level({with_daemon});
  Asked(core_->OnExited(a_, std::nullopt, "", now()));
  EXPECT_EQ(Only().daemon_exits, (std::vector{DaemonExit{7, 255}}));
}

TEST_F(RelayTest, AnEndThatWasNotedBeforeARestartKeepsItsCode) {
  RecoveredAttempt exited = Recovered(ObservedPhase::kExited);
  exited.daemons_started = {request_};
  exited.daemon_exits = {DaemonExit{7, 3}};
  Start({exited});
  Asked(core_->OnSessionOpened(now()));
  EXPECT_EQ(Only().daemon_exits, (std::vector{DaemonExit{7, 3}}));
}

TEST_F(RelayTest, AStoppingAttemptStartsNoDaemon) {
  RunOne(a_);
  DesiredAttempt stopped = Want(a_, DesiredPhase::kTerminate);
  stopped.daemons = {request_};
  EXPECT_EQ(Level({stopped}), Strings{"Terminate a/1 10.0 s"});
}

}  // namespace
}  // namespace muster::agent
