// Leases: who may live until when.
#include "tests/unit/agent_core/agent_core_fixture.h"

namespace muster::agent {
namespace {

class LeaseTest : public AgentCoreTest {
 protected:
  static constexpr seconds kLease{60};
  const AttemptId a_ = Id("a");
  SteadyPoint At(Duration since_start) const { return SteadyPoint(seconds(500)) + since_start; }
};

TEST_F(LeaseTest, WithoutRenewalTheAttemptIsKilledAtItsEnd) {
  RunOne(a_, kLease);
  EXPECT_EQ(core_->Leases(), (std::vector<LeaseState>{{a_, At(seconds(60)), kLease}}));
  Asked(core_->OnSessionClosed(now()));
  EXPECT_EQ(core_->NextTimer(), At(seconds(60)));
  Pass(seconds(60) - milliseconds(1));
  EXPECT_EQ(Asked(core_->OnTimer(now())), Strings{});
  Pass(milliseconds(1));
  EXPECT_EQ(Asked(core_->OnTimer(now())), Strings{"Kill a/1"});
  EXPECT_EQ(core_->NextTimer(), std::nullopt);
  Asked(core_->OnExited(a_, std::nullopt, "", now()));
  EXPECT_EQ(core_->Observed().front().failure->code, FailureCode::kLeaseExpired);
}

TEST_F(LeaseTest, TheLeaseCountsFromTheSendingOfTheAcknowledgedHeartbeat) {
  RunOne(a_, kLease);
  const SteadyPoint sent = now().steady + seconds(20);
  Pass(seconds(25));
  Asked(core_->OnHeartbeatAck(sent, now()));
  EXPECT_EQ(core_->Leases().front().until, sent + kLease);
}

TEST_F(LeaseTest, ALateAcknowledgementOfAnOldHeartbeatShortensNothing) {
  RunOne(a_, kLease);
  Pass(seconds(10));
  Asked(core_->OnHeartbeatAck(At(seconds(10)), now()));
  Asked(core_->OnHeartbeatAck(At(seconds(4)), now()));
  EXPECT_EQ(core_->Leases().front().until, At(seconds(70)));
}

TEST_F(LeaseTest, AnAcknowledgementAfterTheEndRevivesNothing) {
  RunOne(a_, kLease);
  Pass(seconds(61));
  EXPECT_EQ(Asked(core_->OnHeartbeatAck(now().steady, now())), Strings{"Kill a/1"});
}

TEST_F(LeaseTest, AnAttemptWithoutLeaseOutlivesAnySilence) {
  RunOne(a_);
  Asked(core_->OnSessionClosed(now()));
  EXPECT_EQ(core_->NextTimer(), std::nullopt);
  Pass(std::chrono::hours(5));
  EXPECT_EQ(Asked(core_->OnTimer(now())), Strings{});
}

TEST_F(LeaseTest, AGoodbyeExtendsAndTheNextSessionEndsTheExtension) {
  RunOne(a_, kLease);
  Pass(seconds(1));
  Asked(core_->OnGoodbye(std::chrono::hours(1), now()));
  Asked(core_->OnSessionClosed(now()));
  Pass(std::chrono::minutes(50));
  EXPECT_EQ(Asked(core_->OnTimer(now())), Strings{});
  Asked(core_->OnSessionOpened(now()));
  EXPECT_EQ(core_->Leases().front().until, now().steady + kLease);
  Pass(seconds(1));
  Asked(core_->OnHeartbeatAck(now().steady, now()));
  EXPECT_EQ(core_->Leases().front().until, now().steady + kLease);
}

TEST_F(LeaseTest, AnAnswerToAHeartbeatFromBeforeTheGoodbyeKeepsTheExtension) {
  RunOne(a_, kLease);
  Pass(seconds(2));
  Asked(core_->OnGoodbye(std::chrono::hours(1), now()));
  Asked(core_->OnHeartbeatAck(At(seconds(1)), now()));
  EXPECT_EQ(core_->Leases().front().until, At(seconds(3602)));
}

TEST_F(LeaseTest, NothingIsLaunchedBeforeALeaseHasBegun) {
  Start();
  Asked(core_->OnSessionOpened(now()));
  Level({Want(a_, DesiredPhase::kRun, kLease)});
  EXPECT_EQ(Asked(core_->OnPrepared(a_, std::nullopt, now())), Strings{});
  EXPECT_EQ(Asked(core_->OnHeartbeatAck(now().steady, now())), Strings{"Launch a/1"});
}

TEST_F(LeaseTest, ALevelThatWasLongUnderwayStartsNoLeaseOfItsOwn) {
  Start();
  Asked(core_->OnSessionOpened(now()));
  Asked(core_->OnHeartbeatAck(now().steady, now()));
  Pass(seconds(45));
  Level({Want(a_, DesiredPhase::kRun, kLease)});
  Asked(core_->OnPrepared(a_, std::nullopt, now()));
  EXPECT_EQ(core_->Leases().front().until, At(seconds(60)));
}

TEST_F(LeaseTest, ALeaseThatEndsWhileStagingEndsTheAttempt) {
  Start();
  Asked(core_->OnSessionOpened(now()));
  Asked(core_->OnHeartbeatAck(now().steady, now()));
  Level({Want(a_, DesiredPhase::kRun, kLease)});
  Pass(seconds(60));
  Asked(core_->OnTimer(now()));
  EXPECT_EQ(Asked(core_->OnPrepared(a_, std::nullopt, now())), Strings{"ShipRest a/1"});
  EXPECT_EQ(core_->Observed().front().failure->code, FailureCode::kLeaseExpired);
}

TEST_F(LeaseTest, OnlyTheAttemptsWithALeaseAreStopped) {
  RunOne(a_, kLease);
  Level({Want(a_, DesiredPhase::kRun, kLease), Want(Id("b"), DesiredPhase::kRun)});
  Asked(core_->OnPrepared(Id("b"), std::nullopt, now()));
  Pass(seconds(60));
  EXPECT_EQ(Asked(core_->OnTimer(now())), Strings{"Kill a/1"});
}

TEST_F(LeaseTest, AConfiguredGraceStartsTheStopBeforeTheEnd) {
  AgentCoreConfig config;
  config.own_stop_grace = seconds(5);
  Start({}, 0, config);
  Asked(core_->OnSessionOpened(now()));
  Asked(core_->OnHeartbeatAck(now().steady, now()));
  Level({Want(a_, DesiredPhase::kRun, kLease)});
  Asked(core_->OnPrepared(a_, std::nullopt, now()));
  Pass(seconds(55));
  EXPECT_EQ(Asked(core_->OnTimer(now())), Strings{"Terminate a/1 5.0 s"});
}

TEST_F(LeaseTest, ARecoveredAttemptsLeaseStartsAnewOrGoesOnAsNoted) {
  RecoveredAttempt anew;
  anew.id = Id("a");
  anew.phase = ObservedPhase::kRunning;
  anew.lease = kLease;
  RecoveredAttempt noted = anew;
  noted.id = Id("b");
  noted.lease_until = At(seconds(7));
  Start({anew, noted});
  EXPECT_EQ(core_->Leases(), (std::vector<LeaseState>{{Id("a"), At(seconds(60)), kLease},
                                                      {Id("b"), At(seconds(7)), kLease}}));
  Pass(seconds(7));
  EXPECT_EQ(Asked(core_->OnTimer(now())), Strings{"Kill b/1"});
}

}  // namespace
}  // namespace muster::agent
