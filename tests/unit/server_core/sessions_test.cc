#include <gtest/gtest.h>

#include "tests/support/core_world.h"

namespace muster::server {
namespace {

using namespace std::chrono_literals;

TEST(Start, TheFirstOneMakesTheDefaultWorkspaceAndPool) {
  CoreWorld world;
  EXPECT_EQ(world.state().epoch, 1U);
  EXPECT_TRUE(world.state().workspaces.contains(kDefault));
  const auto& pool = world.state().pools.at({kDefault, PoolName("default")});
  EXPECT_EQ(pool.slots_per_node, 0U);
  EXPECT_EQ(pool.max_nodes, 10'000U);
  world.Restart();
  EXPECT_EQ(world.state().epoch, 2U);
  EXPECT_EQ(world.batch.events.size(), 1U);
}

TEST(Session, IsWelcomedAndToldItsLevelAfterItsFirstReport) {
  CoreWorld world;
  world.Join(kN1);
  world.Close(kN1);
  world.levels.clear();
  world.Open(kN1);
  const auto welcomes = world.Sent<scheduler::SendWelcome>();
  ASSERT_EQ(welcomes.size(), 1U);
  EXPECT_EQ(welcomes[0].epoch, 1U);
  EXPECT_EQ(world.Level(kN1), nullptr);
  world.Report(kN1, {});
  ASSERT_NE(world.Level(kN1), nullptr);
  EXPECT_EQ(world.Level(kN1)->session, world.sessions.at(kN1));
}

TEST(Session, RenewsNoLeaseBeforeItsFirstReport) {
  CoreWorld world;
  world.Join(kN1);
  world.Open(kN1);
  world.Heartbeat(kN1);
  EXPECT_TRUE(world.Sent<scheduler::SendHeartbeatAck>().empty());
  world.Report(kN1, {});
  world.Heartbeat(kN1);
  EXPECT_EQ(world.Sent<scheduler::SendHeartbeatAck>().size(), 1U);
}

TEST(Session, ANewerOneReplacesItAndAnOlderOneIsRefused) {
  CoreWorld world;
  world.Join(kN1);
  const std::uint64_t old = world.sessions.at(kN1);
  world.Open(kN1);
  const auto dropped = world.Sent<scheduler::DropSession>();
  ASSERT_EQ(dropped.size(), 1U);
  EXPECT_EQ(dropped[0].session, old);
  scheduler::OpenSession late;
  late.node = kN1;
  late.session = old;
  EXPECT_FALSE(world.Ask(late).has_value());
}

TEST(Session, WhatComesFromAReplacedOneIsIgnored) {
  CoreWorld world;
  world.Join(kN1);
  const std::uint64_t old = world.sessions.at(kN1);
  world.Open(kN1);
  world.Ask(scheduler::ReceiveHeartbeat{kN1, old, 1});
  EXPECT_TRUE(world.effects.empty());
  world.Ask(scheduler::CloseSession{kN1, old});
  EXPECT_TRUE(world.core->Soft(kN1).connected);
}

scheduler::EnrollNode EnrollWith(const std::string& key) {
  scheduler::EnrollNode enroll;
  enroll.node = kN1;
  enroll.facts = scheduler::Cluster::Facts();
  enroll.pool = PoolName("default");
  enroll.certificate_fingerprint = Sha256(key);
  return enroll;
}

TEST(Enrolment, DoesNotTakeOverANodeThatIsConnected) {
  CoreWorld world;
  ASSERT_TRUE(world.Ask(EnrollWith("its key")).has_value());
  world.Connect(kN1);
  const auto refused = world.Ask(EnrollWith("another key"));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_EQ(refused.error().reason, ErrorReason::kInUse);
  EXPECT_EQ(world.state().nodes.at(kN1).certificate_fingerprint, Sha256("its key"));
  EXPECT_TRUE(world.core->Soft(kN1).connected);
  EXPECT_TRUE(world.Ask(EnrollWith("its key")).has_value()) << "an answer that was lost";
}

TEST(Enrolment, ReplacesTheKeyOfANodeThatIsGoneOrSilent) {
  CoreWorld world;
  ASSERT_TRUE(world.Ask(EnrollWith("first")).has_value());
  world.Connect(kN1);
  world.Close(kN1);
  ASSERT_TRUE(world.Ask(EnrollWith("second")).has_value());
  world.Connect(kN1);
  world.Advance(16s);  // silent, although its connection still stands
  ASSERT_TRUE(world.Ask(EnrollWith("third")).has_value());
  EXPECT_EQ(world.state().nodes.at(kN1).certificate_fingerprint, Sha256("third"));
}

TEST(Session, OfAnUnknownNodeOrWithAVoidCertificateIsRefused) {
  CoreWorld world;
  scheduler::OpenSession open;
  open.node = NodeId("nobody");
  open.session = 1;
  EXPECT_EQ(world.Ask(open).error().reason, ErrorReason::kUnknownNode);
}

TEST(Report, AnOldOneIsAcknowledgedAgainAndNotApplied) {
  CoreWorld world;
  world.Join(kN1);
  const AttemptId id = world.AttemptOf(world.Submit(Needs()));
  world.Report(kN1, {Observed(id, ObservedPhase::kRunning, {Started(0)})});
  const std::uint64_t before = world.state().last_sequence;
  // Made before the node knew of the attempt, delivered late: it must not look lost.
  world.ReportAs(kN1, 1, {});
  EXPECT_EQ(world.state().last_sequence, before);
  EXPECT_EQ(world.StatusOf(id.job), JobStatus::kRunning);
}

TEST(Report, IsAcknowledgedWithTheStepThatItCaused) {
  CoreWorld world;
  world.Join(kN1);
  const AttemptId id = world.AttemptOf(world.Submit(Needs()));
  scheduler::ReceiveReport report;
  report.node = kN1;
  report.session = world.sessions.at(kN1);
  report.sequence = 900;
  report.attempts = {Observed(id, ObservedPhase::kRunning, {Started(0)})};
  world.Ask(report);
  ASSERT_EQ(world.Sent<scheduler::SendReportAck>().size(), 1U);
  EXPECT_EQ(world.Sent<scheduler::SendReportAck>()[0].sequence, 900U);
  EXPECT_FALSE(world.batch.events.empty());
}

TEST(Heartbeat, WritesNothing) {
  CoreWorld world;
  world.Join(kN1);
  const std::uint64_t before = world.state().last_sequence;
  world.AdvanceHearing(60s, {kN1});
  EXPECT_EQ(world.state().last_sequence, before);
  EXPECT_TRUE(world.core->Soft(kN1).responding);
}

TEST(Heartbeat, RepeatsALevelThatHadNoEffect) {
  CoreWorld world;
  world.Join(kN1);
  world.Submit(Needs());
  const std::uint64_t version = world.Level(kN1)->version;
  world.AdvanceHearing(5s, {kN1});
  EXPECT_EQ(world.Level(kN1)->version, version);
  world.AdvanceHearing(2s, {kN1});
  EXPECT_EQ(world.Level(kN1)->version, version + 1);
}

TEST(Disk, ANodeWithoutRoomTakesNothingUntilThereIsSome) {
  CoreWorld world;
  world.disk_low = true;
  world.Join(kN1);
  const JobId job = world.Submit(Needs());
  EXPECT_EQ(world.StatusOf(job), JobStatus::kQueued);
  world.disk_low = false;
  world.Report(kN1, {});
  EXPECT_EQ(world.StatusOf(job), JobStatus::kPreparing);
}

TEST(Disk, BelowTheServersReserveSubmitsAreRefusedAndReportsAreNot) {
  CoreWorld world;
  world.Join(kN1);
  const AttemptId id = world.AttemptOf(world.Submit(Needs()));
  world.Ask(scheduler::ObserveDisk{100U << 20, 256U << 20});
  EXPECT_EQ(world.Ask(scheduler::SubmitCommand(Needs())).error().reason, ErrorReason::kDiskReserve);
  world.Report(kN1, {Observed(id, ObservedPhase::kFinished, {Exited(0, 0)})});
  EXPECT_EQ(world.StatusOf(id.job), JobStatus::kCompleted);
  world.Ask(scheduler::ObserveDisk{300U << 20, 256U << 20});
  EXPECT_TRUE(world.Ask(scheduler::SubmitCommand(Needs())).has_value());
}

TEST(Identities, ArePublishedWhenTheyChange) {
  CoreWorld world;
  world.Join(kN1);
  scheduler::RemoveNode remove;
  remove.workspace = kDefault;
  remove.node = kN1;
  ASSERT_TRUE(world.Ask(remove).has_value());
  EXPECT_EQ(world.Sent<scheduler::PublishIdentities>().size(), 1U);
  EXPECT_EQ(world.Sent<scheduler::DropSession>().size(), 1U);
  EXPECT_EQ(world.batch.rows.removed_nodes, std::vector{kN1});
}

TEST(Shutdown, ExtendsLeasesSaysGoodbyeAndTakesNothingNew) {
  CoreWorld world;
  world.Join(kN1);
  world.Ask(scheduler::BeginShutdown{});
  const auto goodbyes = world.Sent<scheduler::SendGoodbye>();
  ASSERT_EQ(goodbyes.size(), 1U);
  EXPECT_EQ(goodbyes[0].lease_extension, world.config.planned_stop_extension);
  EXPECT_TRUE(world.state().leases_extended_until.has_value());
  EXPECT_EQ(world.Ask(scheduler::SubmitCommand(Needs())).error().reason,
            ErrorReason::kShuttingDown);
}

}  // namespace
}  // namespace muster::server
