// Levels, planning, gangs and the MPI relay, as nodes see them.
#include <gtest/gtest.h>

#include "server/core/relay.h"
#include "tests/support/core_world.h"

namespace muster::server {
namespace {

using namespace std::chrono_literals;

TEST(Planner, ASubmitOnAnIdleServerIsDueAtOnce) {
  CoreWorld world;
  world.Join(kN1);
  ASSERT_TRUE(world.Ask(scheduler::SubmitCommand(Needs())).has_value());
  EXPECT_EQ(world.core->NextTimer(), world.now.steady);
}

TEST(Planner, ASubmitBehindOneThatHoldsItUpCausesNoPass) {
  CoreWorld world;
  world.Join(kN1);
  world.Join(kN2);
  world.Submit(Needs());
  world.Submit(Needs(2));  // waits for the busy node and holds up what follows
  ASSERT_TRUE(world.Ask(scheduler::SubmitCommand(Needs())).has_value());
  EXPECT_GT(*world.core->NextTimer(), world.now.steady);
}

TEST(Planner, TheWaitingStartInOrderAsNodesComeFree) {
  CoreWorld world;
  world.Join(kN1);
  const JobId first = world.Submit(Needs());
  const JobId second = world.Submit(Needs());
  const JobId third = world.Submit(Needs());
  const auto finish = [&world](const JobId& job) {
    world.Report(kN1, {Observed(world.AttemptOf(job), ObservedPhase::kFinished, {Exited(0, 0)})});
  };
  finish(first);
  EXPECT_EQ(world.StatusOf(first), JobStatus::kCompleted);
  EXPECT_EQ(world.StatusOf(second), JobStatus::kPreparing);
  EXPECT_EQ(world.StatusOf(third), JobStatus::kQueued);
  finish(second);
  EXPECT_EQ(world.StatusOf(third), JobStatus::kPreparing);
}

TEST(Planner, ACanceledJobNoLongerHoldsUpThoseBehindIt) {
  CoreWorld world;
  world.Join(kN1);
  world.Join(kN2);
  world.Submit(Needs());
  const JobId gang = world.Submit(Needs(2));
  const JobId small = world.Submit(Needs());
  EXPECT_EQ(world.StatusOf(small), JobStatus::kQueued);
  ASSERT_TRUE(world.Cancel(gang).has_value());
  world.Advance(0s);
  EXPECT_EQ(world.StatusOf(small), JobStatus::kPreparing);
}

TEST(Planner, AGangThatLostAUsableNodeLetsOthersPass) {
  CoreWorld world;
  world.Join(kN1);
  world.Join(kN2);
  const JobId running = world.Submit(Needs());
  world.Submit(Needs(2));
  const JobId small = world.Submit(Needs());
  EXPECT_EQ(world.StatusOf(small), JobStatus::kQueued);
  const NodeId busy = world.state().attempts.at(world.AttemptOf(running)).nodes[0].node;
  world.Close(busy);
  world.Advance(0s);
  EXPECT_EQ(world.StatusOf(small), JobStatus::kPreparing);
}

TEST(Ports, LiveAttemptsHaveDifferentOnes) {
  CoreWorld world;
  world.Join(kN1);
  world.Join(kN2);
  const AttemptId a = world.AttemptOf(world.Submit(Needs()));
  const AttemptId b = world.AttemptOf(world.Submit(Needs()));
  EXPECT_NE(world.state().attempts.at(a).master_port, world.state().attempts.at(b).master_port);
}

TEST(Levels, ASingleNodeIsToldToRunFromTheStart) {
  CoreWorld world;
  world.Join(kN1);
  const AttemptId id = world.AttemptOf(world.Submit(Needs()));
  const auto desired = world.DesiredOn(kN1, id);
  ASSERT_TRUE(desired.has_value());
  EXPECT_EQ(desired->phase, DesiredPhase::kRun);
  EXPECT_EQ(*desired->task->spec, "resolved");
  EXPECT_EQ(desired->lease, Duration::zero());
}

TEST(Levels, AGangIsPreparedEverywhereBeforeItRunsAnywhere) {
  CoreWorld world;
  world.Join(kN1);
  world.Join(kN2);
  const AttemptId id = world.AttemptOf(world.Submit(Needs(2)));
  EXPECT_EQ(world.DesiredOn(kN1, id)->phase, DesiredPhase::kPrepare);
  EXPECT_EQ(world.DesiredOn(kN2, id)->node_rank, 1U);
  EXPECT_EQ(world.DesiredOn(kN2, id)->task->gang.size(), 2U);
  world.Report(kN1, {Observed(id, ObservedPhase::kReady)});
  EXPECT_EQ(world.DesiredOn(kN1, id)->phase, DesiredPhase::kPrepare);
  world.Report(kN2, {Observed(id, ObservedPhase::kReady)});
  EXPECT_EQ(world.DesiredOn(kN1, id)->phase, DesiredPhase::kRun);
  EXPECT_EQ(world.DesiredOn(kN2, id)->phase, DesiredPhase::kRun);
}

TEST(Levels, AFinishedMemberKeepsTheAttemptUntilTheGangIsDone) {
  CoreWorld world;
  world.Join(kN1);
  world.Join(kN2);
  const AttemptId id = world.AttemptOf(world.Submit(Needs(2)));
  world.Report(kN1, {Observed(id, ObservedPhase::kReady)});
  world.Report(kN2, {Observed(id, ObservedPhase::kReady)});
  world.Report(kN2, {Observed(id, ObservedPhase::kFinished, {Exited(1, 0)})});
  EXPECT_TRUE(world.DesiredOn(kN2, id).has_value());
  world.Report(kN1, {Observed(id, ObservedPhase::kFinished, {Exited(0, 0)})});
  EXPECT_EQ(world.StatusOf(id.job), JobStatus::kCompleted);
  EXPECT_FALSE(world.DesiredOn(kN1, id).has_value());
  EXPECT_FALSE(world.DesiredOn(kN2, id).has_value());
}

TEST(Levels, AnAttemptThatNobodyWantsStaysOutAndIsSaidSo) {
  CoreWorld world;
  world.Join(kN1);
  const std::uint64_t version = world.Level(kN1)->version;
  world.Report(kN1, {Observed(AttemptId{JobId("stranger"), 1}, ObservedPhase::kRunning)});
  EXPECT_EQ(world.Level(kN1)->version, version + 1);
  EXPECT_TRUE(world.Level(kN1)->attempts.empty());
}

TEST(Levels, ARestartedServerAdoptsWhatRuns) {
  CoreWorld world;
  world.Join(kN1);
  const AttemptId id = world.AttemptOf(world.Submit(Needs()));
  world.Report(kN1, {Observed(id, ObservedPhase::kRunning, {Started(0)})});
  world.Restart();
  world.Connect(kN1, {Observed(id, ObservedPhase::kRunning, {Started(0)})});
  EXPECT_EQ(world.DesiredOn(kN1, id)->phase, DesiredPhase::kRun);
  EXPECT_EQ(world.Level(kN1)->epoch, 2U);
  world.Report(kN1, {Observed(id, ObservedPhase::kFinished, {Exited(0, 0)})});
  EXPECT_EQ(world.StatusOf(id.job), JobStatus::kCompleted);
}

TEST(Cancel, TerminatesWithTheJobsGracePeriod) {
  CoreWorld world;
  world.Join(kN1);
  scheduler::JobRequirements needs = Needs();
  needs.grace_period = 3s;
  const AttemptId id = world.AttemptOf(world.Submit(needs));
  ASSERT_TRUE(world.Cancel(id.job).has_value());
  EXPECT_EQ(world.DesiredOn(kN1, id)->phase, DesiredPhase::kTerminate);
  EXPECT_EQ(world.DesiredOn(kN1, id)->grace_period, 3s);
}

TEST(Cancel, EndsInTimeEvenIfTheNodeIsAwayAndStopsThereWhenItReturns) {
  CoreWorld world;
  world.Join(kN1);
  const AttemptId id = world.AttemptOf(world.Submit(Needs()));
  world.Report(kN1, {Observed(id, ObservedPhase::kRunning, {Started(0)})});
  world.Close(kN1);
  ASSERT_TRUE(world.Cancel(id.job).has_value());
  world.Advance(13s);
  EXPECT_EQ(world.StatusOf(id.job), JobStatus::kCancelRequested);
  world.Advance(2s);
  EXPECT_EQ(world.StatusOf(id.job), JobStatus::kCanceled);
  world.Connect(kN1, {Observed(id, ObservedPhase::kRunning, {Started(0)})});
  EXPECT_EQ(world.DesiredOn(kN1, id)->phase, DesiredPhase::kKill);
  world.Report(kN1, {Observed(id, ObservedPhase::kFinished)});
  EXPECT_FALSE(world.DesiredOn(kN1, id).has_value());
  EXPECT_TRUE(world.state().jobs.empty());
}

TEST(TimeLimit, IsCountedFromTheFirstRankAndSurvivesARestart) {
  CoreWorld world;
  world.Join(kN1);
  scheduler::JobRequirements needs = Needs();
  needs.max_run_duration = 60s;
  const AttemptId id = world.AttemptOf(world.Submit(needs));
  const std::vector running = {Observed(id, ObservedPhase::kRunning, {Started(0)})};
  world.Report(kN1, running);
  world.AdvanceHearing(40s, {kN1});
  world.Restart();
  world.Connect(kN1, running);
  world.AdvanceHearing(19s, {kN1});
  EXPECT_EQ(world.DesiredOn(kN1, id)->phase, DesiredPhase::kRun);
  world.AdvanceHearing(2s, {kN1});
  EXPECT_EQ(world.DesiredOn(kN1, id)->phase, DesiredPhase::kTerminate);
}

// A running gang of two whose head may ask for daemons.
class Relay : public ::testing::Test {
 protected:
  Relay() {
    world.Join(kN1);
    world.Join(kN2);
    world.Join(kN3);
    id = world.AttemptOf(world.Submit(Needs(2)));
    world.Report(kN1, {Observed(id, ObservedPhase::kReady)});
    world.Report(kN2, {Observed(id, ObservedPhase::kReady)});
  }
  void HeadAsks(std::uint64_t number, const NodeId& target, const std::string& word) {
    ObservedAttempt head = Observed(id, ObservedPhase::kRunning);
    head.daemon_requests = {scheduler::DaemonRequest{number, target, {word, "-mca"}}};
    world.Report(kN1, {head});
  }
  std::vector<scheduler::DaemonExit> Answers() { return world.DesiredOn(kN1, id)->daemon_exits; }

  CoreWorld world;
  AttemptId id;
};

TEST_F(Relay, CarriesARequestToItsNodeAndTheEndBack) {
  HeadAsks(5, kN2, "/usr/bin/orted");
  ASSERT_EQ(world.DesiredOn(kN2, id)->daemons.size(), 1U);
  EXPECT_EQ(world.DesiredOn(kN2, id)->daemons[0].id, 5U);
  EXPECT_TRUE(world.DesiredOn(kN1, id)->daemons.empty());
  ObservedAttempt other = Observed(id, ObservedPhase::kRunning);
  other.daemon_exits = {scheduler::DaemonExit{5, 0}};
  world.Report(kN2, {other});
  EXPECT_EQ(Answers(), (std::vector{scheduler::DaemonExit{5, 0}}));
}

TEST_F(Relay, RefusesNodesOutsideTheGang) {
  HeadAsks(5, kN3, "orted");
  EXPECT_EQ(Answers(), (std::vector{scheduler::DaemonExit{5, kDaemonRefused}}));
  EXPECT_TRUE(world.Level(kN3)->attempts.empty());
}

TEST_F(Relay, StartsNothingButOrted) {
  HeadAsks(5, kN2, "/bin/sh");
  EXPECT_EQ(Answers(), (std::vector{scheduler::DaemonExit{5, kDaemonRefused}}));
  EXPECT_TRUE(world.DesiredOn(kN2, id)->daemons.empty());
}

TEST_F(Relay, ListensToTheHeadAlone) {
  ObservedAttempt other = Observed(id, ObservedPhase::kRunning);
  other.daemon_requests = {scheduler::DaemonRequest{5, kN1, {"orted"}}};
  world.Report(kN2, {other});
  EXPECT_TRUE(world.DesiredOn(kN1, id)->daemons.empty());
}

TEST_F(Relay, IsRebuiltFromReportsAfterARestart) {
  HeadAsks(5, kN2, "orted");
  world.Restart();
  world.Connect(kN2, {Observed(id, ObservedPhase::kRunning)});
  world.Open(kN1);
  HeadAsks(5, kN2, "orted");
  EXPECT_EQ(world.DesiredOn(kN2, id)->daemons.size(), 1U);
}

TEST_F(Relay, IsNoEvent) {
  HeadAsks(5, kN2, "orted");
  const std::uint64_t before = world.state().last_sequence;
  HeadAsks(6, kN2, "orted");
  EXPECT_EQ(world.state().last_sequence, before);
}

}  // namespace
}  // namespace muster::server
