// Silent nodes: NotResponding, leases, loss, return.
#include <gtest/gtest.h>

#include "tests/support/core_world.h"

namespace muster::server {
namespace {

using namespace std::chrono_literals;

class Silence : public ::testing::Test {
 protected:
  Silence() {
    world.Join(kN1);
    world.Join(kN2);
  }
  // A job on the first node that runs; the other node stays free.
  AttemptId Run(std::uint32_t retries) {
    scheduler::JobRequirements needs = Needs();
    needs.node_loss_retries = retries;
    needs.lease = 30s;
    const AttemptId id = world.AttemptOf(world.Submit(needs));
    EXPECT_EQ(world.state().attempts.at(id).nodes[0].node, kN1);
    world.Report(kN1, {Running(id)});
    return id;
  }
  static ObservedAttempt Running(const AttemptId& id) {
    return Observed(id, ObservedPhase::kRunning, {Started(0)});
  }
  JobStatus StatusOf(const AttemptId& id) { return world.StatusOf(id.job); }

  CoreWorld world;
};

TEST_F(Silence, AfterAWhileTheJobIsNotRespondingAndBackWhenTheNodeIsHeard) {
  const AttemptId id = Run(0);
  world.AdvanceHearing(14s, {kN2});
  EXPECT_EQ(StatusOf(id), JobStatus::kRunning);
  world.AdvanceHearing(2s, {kN2});
  EXPECT_EQ(StatusOf(id), JobStatus::kNotResponding);
  EXPECT_EQ(world.CauseOf(id.job)->node, kN1);
  EXPECT_FALSE(world.core->Soft(kN1).responding);
  world.Heartbeat(kN1);
  EXPECT_EQ(StatusOf(id), JobStatus::kRunning);
  EXPECT_FALSE(world.CauseOf(id.job).has_value());
}

TEST_F(Silence, WithoutALeaseTheNodeIsGivenUpAfterLostAfter) {
  const AttemptId id = Run(0);
  world.AdvanceHearing(14min + 59s, {kN2});
  EXPECT_EQ(StatusOf(id), JobStatus::kNotResponding);
  world.AdvanceHearing(2s, {kN2});
  EXPECT_EQ(StatusOf(id), JobStatus::kFailed);
  EXPECT_EQ(world.CauseOf(id.job)->code, scheduler::CauseCode::kNodeLost);
  EXPECT_TRUE(world.state().nodes.at(kN1).lost);
}

TEST_F(Silence, TheTimeThatTheServerWasAwayDoesNotCount) {
  const AttemptId id = Run(0);
  world.AdvanceHearing(14min, {kN2});
  world.now.wall += 3h;
  world.Restart();
  world.Connect(kN2);
  world.AdvanceHearing(14min, {kN2});
  EXPECT_EQ(StatusOf(id), JobStatus::kNotResponding);
  world.Connect(kN1, {Running(id)});
  EXPECT_EQ(StatusOf(id), JobStatus::kRunning);
  world.Report(kN1, {Observed(id, ObservedPhase::kFinished, {Exited(0, 0)})});
  EXPECT_EQ(StatusOf(id), JobStatus::kCompleted);
}

TEST_F(Silence, ARetryWaitsForLeaseAndMargin) {
  const AttemptId id = Run(1);
  world.AdvanceHearing(34s, {kN2});
  EXPECT_EQ(StatusOf(id), JobStatus::kNotResponding);
  EXPECT_EQ(world.AttemptOf(id.job), id);
  world.AdvanceHearing(2s, {kN2});
  const AttemptId next = world.AttemptOf(id.job);
  EXPECT_EQ(next.number, 2U);
  EXPECT_EQ(world.state().attempts.at(next).nodes[0].node, kN2);
  // The first may have been alive on its node until then, and is to be reported as gone.
  EXPECT_TRUE(world.state().nodes.at(kN1).held.contains(id));
}

TEST_F(Silence, TheLeaseCountsFromTheLastHeartbeatAndIsNeverShortenedByARestart) {
  const AttemptId id = Run(1);
  world.AdvanceHearing(20s, {kN1, kN2});
  world.AdvanceHearing(30s, {kN2});
  world.Restart();
  world.Connect(kN2);
  world.AdvanceHearing(34s, {kN2});
  EXPECT_EQ(world.AttemptOf(id.job), id);
  world.AdvanceHearing(2s, {kN2});
  EXPECT_EQ(world.AttemptOf(id.job).number, 2U);
}

TEST_F(Silence, APlannedStopExtendsLeases) {
  const AttemptId id = Run(1);
  world.Ask(scheduler::BeginShutdown{});
  world.now.wall += 10h;  // set meanwhile
  world.Restart();
  world.Connect(kN2);
  world.AdvanceHearing(59min, {kN2});
  EXPECT_EQ(world.AttemptOf(id.job), id);
  world.AdvanceHearing(2min, {kN2});
  EXPECT_EQ(world.AttemptOf(id.job).number, 2U);
  EXPECT_FALSE(world.state().leases_extended_until.has_value());
}

TEST_F(Silence, ANodeThatHasReportedAfterAPlannedStopHasItsUsualLeaseAgain) {
  const AttemptId id = Run(1);
  world.Ask(scheduler::BeginShutdown{});
  world.Restart();
  world.Connect(kN2);
  world.Connect(kN1, {Running(id)});
  world.AdvanceHearing(34s, {kN2});
  EXPECT_EQ(world.AttemptOf(id.job), id);
  world.AdvanceHearing(2s, {kN2});
  EXPECT_EQ(world.AttemptOf(id.job).number, 2U);
}

TEST_F(Silence, ANewBootIdIsKnownLossAndRetriedAtOnce) {
  const AttemptId id = Run(1);
  world.Connect(kN1, {}, "boot-2");
  EXPECT_EQ(world.AttemptOf(id.job).number, 2U);
}

TEST_F(Silence, ADeclaredLossIsRetriedAtOnceAndEndsTheSession) {
  const AttemptId id = Run(1);
  scheduler::DeclareNodeLost declare;
  declare.workspace = kDefault;
  declare.node = kN1;
  ASSERT_TRUE(world.Ask(declare).has_value());
  EXPECT_EQ(world.Sent<scheduler::DropSession>().size(), 1U);
  world.Advance(0s);
  EXPECT_EQ(world.AttemptOf(id.job).number, 2U);
}

TEST_F(Silence, AReturningNodeIsToldThatWhatWasGivenUpIsNotWantedAndTakesWorkOnceItIsGone) {
  const AttemptId id = Run(1);
  world.AdvanceHearing(40s, {kN2});
  const JobId other = world.Submit(Needs());
  EXPECT_EQ(world.StatusOf(other), JobStatus::kQueued);  // the second node has the retry
  world.Connect(kN1, {Running(id)});
  EXPECT_TRUE(world.Level(kN1)->attempts.empty());
  EXPECT_EQ(world.StatusOf(other), JobStatus::kQueued);
  world.Report(kN1, {});
  EXPECT_EQ(world.StatusOf(other), JobStatus::kPreparing);
  EXPECT_EQ(world.AttemptOf(id.job).number, 2U);
}

TEST_F(Silence, ALostNodeThatReturnsIsANodeAgain) {
  world.AdvanceHearing(16min, {kN2});
  EXPECT_TRUE(world.state().nodes.at(kN1).lost);
  world.Connect(kN1);
  EXPECT_FALSE(world.state().nodes.at(kN1).lost);
  world.AdvanceHearing(16min, {kN1, kN2});
  EXPECT_FALSE(world.state().nodes.at(kN1).lost);
}

TEST_F(Silence, AShortLeaseIsJudgedInTime) {
  scheduler::JobRequirements needs = Needs();
  needs.node_loss_retries = 1;
  needs.lease = 3s;
  const AttemptId id = world.AttemptOf(world.Submit(needs));
  world.AdvanceHearing(9s, {kN2});
  EXPECT_EQ(world.AttemptOf(id.job).number, 2U);
}

TEST_F(Silence, LostAfterNeverCutsALeaseShort) {
  world.config.lost_after = 20s;
  world.Boot(world.state());
  world.Connect(kN1);
  world.Connect(kN2);
  const AttemptId id = Run(1);
  world.AdvanceHearing(34s, {kN2});
  EXPECT_EQ(world.AttemptOf(id.job), id);
  world.AdvanceHearing(2s, {kN2});
  EXPECT_EQ(world.AttemptOf(id.job).number, 2U);
}

TEST_F(Silence, AGangComesBackOnlyWhenAllOfItIsHeard) {
  const AttemptId id = world.AttemptOf(world.Submit(Needs(2)));
  world.Advance(16s);
  EXPECT_EQ(StatusOf(id), JobStatus::kNotResponding);
  world.Heartbeat(kN1);
  EXPECT_EQ(StatusOf(id), JobStatus::kNotResponding);
  world.Heartbeat(kN2);
  EXPECT_EQ(StatusOf(id), JobStatus::kPreparing);
}

TEST_F(Silence, ACancelOfASilentJobStillEnds) {
  const AttemptId id = Run(1);
  world.AdvanceHearing(16s, {kN2});
  ASSERT_TRUE(world.Cancel(id.job).has_value());
  world.AdvanceHearing(15s, {kN2});
  EXPECT_EQ(StatusOf(id), JobStatus::kCanceled);
  world.AdvanceHearing(16min, {kN2});
  EXPECT_TRUE(world.state().nodes.at(kN1).lost);
  world.Connect(kN1);
  EXPECT_TRUE(world.state().jobs.empty());
}

TEST_F(Silence, ADirectoryThatWasLostIsALostNode) {
  const AttemptId id = Run(1);
  world.Connect(kN1, {});
  EXPECT_EQ(world.AttemptOf(id.job).number, 2U);
}

}  // namespace
}  // namespace muster::server
