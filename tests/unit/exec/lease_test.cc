// Attempts with a lease: it binds them whether an agent is there or not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include "agent/shim/records.h"
#include "tests/unit/exec/node_fixture.h"

namespace muster::agent::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class Lease : public testing::TestWithParam<Isolation> {
 protected:
  static constexpr Duration kLength = seconds(60);
  // Between the lease's end and the last process's on a busy machine.
  static constexpr Duration kPromptly = milliseconds(2000);
  // Longer than a start, or another agent, takes on a busy machine, under a sanitizer.
  static constexpr Duration kLongEnough = seconds(4);

  Lease() : node(world.Add("n1", GetParam())) {}

  SteadyPoint NoteLease(Duration from_now) {
    const SteadyPoint until = ReadClock().steady + from_now;
    node.runner().NoteLeases({{World::Id(), until, kLength}});
    return until;
  }
  // A script that never ends, and a process that has hidden from it.
  void StartForever() {
    world.Source("train.sh",
                 "#!/bin/sh\nsetsid sleep " + marker + " &\nexec sleep " + marker + "\n", 0755);
    world.Start(world.Task("train.sh"));
    ASSERT_TRUE(world.Await([&] { return CountProcesses(marker) == 2 && !node.ranks.empty(); }));
  }
  // The same, with a lease that no start takes longer than: what counts is told after it.
  void StartWithTime() {
    NoteLease(std::chrono::hours(1));
    StartForever();
  }
  testing::AssertionResult DiesAt(SteadyPoint end) {
    if (!world.Await([&] { return CountProcesses(marker) < 2; }))
      return testing::AssertionFailure() << "it lives on";
    if (ReadClock().steady < end) return testing::AssertionFailure() << "it died before its time";
    if (!world.Await([&] { return CountProcesses(marker) == 0; }))
      return testing::AssertionFailure() << "some of it lives on";
    if (ReadClock().steady > end + kPromptly) return testing::AssertionFailure() << "it died late";
    return testing::AssertionSuccess();
  }
  bool AwaitNoShim() {
    return world.Await([&] { return node.ShimPid() == 0; });
  }

  const Failure expired{FailureCode::kLeaseExpired,
                        "This node could not renew the attempt's lease of 1 min 0 s."};
  World world;
  Node& node;
  const std::string marker = "315" + std::to_string(::getpid());
};

TEST_P(Lease, WithoutAnAgentEverythingDiesAtItsEndAndTheNextAgentSaysWhy) {
  const SteadyPoint end = NoteLease(kLongEnough);
  ASSERT_NO_FATAL_FAILURE(StartForever());
  node.StopAgent();
  EXPECT_TRUE(DiesAt(end));
  ASSERT_TRUE(AwaitNoShim());
  const auto record = ParseExitRecord(ReadAll(node.AttemptDirectory() + "/run/exit.json"));
  ASSERT_TRUE(record) << record.error().message;
  EXPECT_EQ(record->failure, ShimFailure::kLeaseExpired);

  const auto recovered = node.Restart();
  ASSERT_EQ(recovered.size(), 1U);
  EXPECT_EQ(recovered[0].phase, ObservedPhase::kExited);
  EXPECT_EQ(recovered[0].failure, expired);
}

TEST_P(Lease, AnAgentThatDidNotRenewHearsTheReasonBeforeTheSignals) {
  const SteadyPoint end = NoteLease(kLongEnough);
  ASSERT_NO_FATAL_FAILURE(StartForever());
  EXPECT_TRUE(DiesAt(end));
  ASSERT_TRUE(world.AwaitAllExited());
  EXPECT_EQ(node.failure, expired);
  EXPECT_EQ(node.ranks_ended_before_exit, 0);
  EXPECT_EQ(node.ranks[0].signal, SIGKILL);
}

TEST_P(Lease, RenewalKeepsItAliveAndTheLastOneCounts) {
  ASSERT_NO_FATAL_FAILURE(StartWithTime());
  const SteadyPoint first = NoteLease(seconds(2));
  const SteadyPoint renewed_until = first + milliseconds(500);
  ASSERT_TRUE(world.Await([&] {
    const SteadyPoint now = ReadClock().steady;
    if (now < renewed_until) NoteLease(kLongEnough);
    return now > renewed_until + milliseconds(100);  // the newest has been sent
  }));
  EXPECT_FALSE(node.exited);
  EXPECT_EQ(CountProcesses(marker), 2);
  const SteadyPoint end = NoteLease(milliseconds(500));
  node.StopAgent();
  EXPECT_TRUE(DiesAt(end));
}

TEST_P(Lease, AShorterOneTakesThePlaceOfALonger) {
  ASSERT_NO_FATAL_FAILURE(StartWithTime());
  const SteadyPoint end = NoteLease(milliseconds(400));
  node.StopAgent();
  EXPECT_TRUE(DiesAt(end));
}

TEST_P(Lease, AnAdoptedShimKeepsItsOwnUntilItIsToldAnother) {
  ASSERT_NO_FATAL_FAILURE(StartWithTime());
  const SteadyPoint end = NoteLease(kLongEnough);
  ASSERT_EQ(node.Restart().at(0).phase, ObservedPhase::kRunning);
  node.runner().NoteLeases({});
  EXPECT_TRUE(DiesAt(end));
  ASSERT_TRUE(world.AwaitAllExited());
  EXPECT_EQ(node.failure, expired);
}

TEST_P(Lease, AnAdoptedShimIsRenewedAndThenFreed) {
  ASSERT_NO_FATAL_FAILURE(StartWithTime());
  const SteadyPoint first = NoteLease(kLongEnough);
  ASSERT_EQ(node.Restart().at(0).phase, ObservedPhase::kRunning);
  const SteadyPoint second = NoteLease(first - ReadClock().steady + milliseconds(300));
  node.runner().NoteLeases({});
  ASSERT_TRUE(world.Await([&] { return ReadClock().steady > second + kPromptly; }));
  EXPECT_FALSE(node.exited);
  EXPECT_EQ(CountProcesses(marker), 2);
}

TEST_P(Lease, NothingIsStartedAfterItsEnd) {
  NoteLease(Duration::zero());
  world.Source("train.sh", "#!/bin/sh\ntouch outputs/started\n", 0755);
  world.Start(world.Task("train.sh"));
  ASSERT_TRUE(world.AwaitAllExited());
  EXPECT_EQ(node.failure, expired);
  EXPECT_TRUE(node.ranks.empty());
  EXPECT_EQ(ReadAll(node.AttemptDirectory() + "/logs/70_driver_log.txt"), "");
}

INSTANTIATE_TEST_SUITE_P(Isolation, Lease,
                         testing::Values(Isolation::kNamespaces, Isolation::kNone),
                         [](const auto& param) {
                           return param.param == Isolation::kNone ? "Bare" : "Namespaces";
                         });

}  // namespace
}  // namespace muster::agent::test
