#include "scheduler/lifecycle/nodes.h"

#include <gtest/gtest.h>

#include "tests/support/scheduler_builders.h"

namespace muster::scheduler {
namespace {

class Nodes : public ::testing::Test {
 protected:
  EnrollNode Enroll(const NodeId& id, const std::string& pool, const std::string& boot = "boot-1") {
    EnrollNode command;
    command.node = id;
    command.facts = Cluster::Facts(4, boot);
    command.pool = PoolName(pool);
    command.certificate_fingerprint = Sha256(id.str() + boot);
    return command;
  }
  template <class Command>
  Result<Answer> Do(const NodeId& node) {
    Command command;
    command.workspace = kDefault;
    command.node = node;
    return cluster.Ask(command);
  }
  JobRequirements Retried() {
    JobRequirements needs = Needs();
    needs.node_loss_retries = 1;
    return needs;
  }
  Cluster cluster;
};

TEST_F(Nodes, JoinThePoolOfTheirToken) {
  ASSERT_TRUE(cluster.Ask(Enroll(kN1, "default")).has_value());
  EXPECT_TRUE(cluster.state.pools.at({kDefault, PoolName("default")}).nodes.contains(kN1));
}

TEST_F(Nodes, AreTenThousandAtMostAndWhoIsKnownMayStillJoinAgain) {
  const PoolKey pool{kDefault, PoolName("default")};
  for (int i = 0; i < 10'000; ++i) {
    const NodeId id("n" + std::to_string(i));
    cluster.state.nodes[id].id = id;
    cluster.state.nodes[id].pool = pool;
    cluster.state.pools.at(pool).nodes.insert(id);
  }
  const auto refused = cluster.Ask(Enroll(NodeId("another"), "default"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kResourceExhausted);
  EXPECT_TRUE(cluster.Ask(Enroll(NodeId("n77"), "default")));
}

TEST_F(Nodes, MayJoinAgainWithANewCertificateButNotElsewhere) {
  cluster.AddPool("gpu", SharingMode::kExclusive);
  ASSERT_TRUE(cluster.Ask(Enroll(kN1, "default")).has_value());
  ASSERT_TRUE(cluster.Ask(Enroll(kN1, "default", "boot-2")).has_value());
  EXPECT_EQ(cluster.state.nodes.at(kN1).certificate_fingerprint, Sha256("n1boot-2"));
  const auto refused = cluster.Ask(Enroll(kN1, "gpu"));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().reason, ErrorReason::kNameTaken);
}

TEST_F(Nodes, ADeclaredLossEndsAttemptsAtOnceAndRetriesThem) {
  cluster.AddNode(kN1);
  const AttemptId id = cluster.SubmitAndStart(Retried(), {kN1});
  ASSERT_TRUE(Do<DeclareNodeLost>(kN1).has_value());
  EXPECT_EQ(cluster.StatusOf(id.job), JobStatus::kQueued);
  EXPECT_EQ(cluster.state.jobs.at(id.job).node_losses, 1U);
  EXPECT_TRUE(cluster.state.nodes.at(kN1).held.contains(id));
}

TEST_F(Nodes, AJobWithoutRetriesFailsWithItsNode) {
  cluster.AddNode(kN1);
  const AttemptId id = cluster.SubmitAndStart(Needs(), {kN1});
  ASSERT_TRUE(Do<DeclareNodeLost>(kN1).has_value());
  EXPECT_EQ(cluster.StatusOf(id.job), JobStatus::kFailed);
  EXPECT_EQ(cluster.CauseOf(id.job)->message, "Node n1 was declared lost by alice.");
}

TEST_F(Nodes, TheSecondLossIsOneTooMany) {
  cluster.AddNode(kN1);
  cluster.AddNode(kN2);
  const AttemptId first = cluster.SubmitAndStart(Retried(), {kN1});
  ASSERT_TRUE(Do<DeclareNodeLost>(kN1).has_value());
  const AttemptId second = cluster.Start(first.job, {kN2});
  EXPECT_EQ(second.number, 2U);
  ASSERT_TRUE(Do<DeclareNodeLost>(kN2).has_value());
  EXPECT_EQ(cluster.StatusOf(first.job), JobStatus::kFailed);
}

TEST_F(Nodes, AGangThatLosesANodeIsKilledOnTheOthersBeforeItIsRetried) {
  cluster.AddNode(kN1);
  cluster.AddNode(kN2);
  JobRequirements needs = Needs(2);
  needs.node_loss_retries = 1;
  const AttemptId id = cluster.SubmitAndStart(needs, {kN1, kN2});
  ASSERT_TRUE(Do<DeclareNodeLost>(kN1).has_value());
  EXPECT_EQ(cluster.Get(id).phase, AttemptPhase::kStopping);
  EXPECT_EQ(cluster.StatusOf(id.job), JobStatus::kPreparing);
  cluster.Report(kN2, {Observed(id, ObservedPhase::kFinished)});
  EXPECT_EQ(cluster.StatusOf(id.job), JobStatus::kQueued);
}

TEST_F(Nodes, AReturningNodeIsFreeOnceItsReportShowsThatItIsRidOfWhatWasGivenUp) {
  cluster.AddNode(kN1);
  const AttemptId id = cluster.SubmitAndStart(Needs(), {kN1});
  cluster.Report(kN1, {Observed(id, ObservedPhase::kRunning, {Started(0)})});
  ASSERT_TRUE(Do<DeclareNodeLost>(kN1).has_value());
  cluster.Do([&](Decision& decision) { NoteArrival(decision, kN1, Cluster::Facts()); });
  EXPECT_FALSE(cluster.state.nodes.at(kN1).lost);
  cluster.Report(kN1, {Observed(id, ObservedPhase::kRunning, {Started(0)})});
  EXPECT_FALSE(cluster.state.nodes.at(kN1).held.empty());
  cluster.Report(kN1, {});
  EXPECT_TRUE(cluster.state.nodes.at(kN1).held.empty());
}

TEST_F(Nodes, ANewBootIdMeansThatNothingRunsThereAnyMore) {
  cluster.AddNode(kN1);
  const AttemptId id = cluster.SubmitAndStart(Retried(), {kN1});
  cluster.Report(kN1, {Observed(id, ObservedPhase::kRunning, {Started(0)})});
  cluster.Do([&](Decision& decision) { NoteArrival(decision, kN1, Cluster::Facts(4, "boot-2")); });
  EXPECT_EQ(cluster.StatusOf(id.job), JobStatus::kQueued);
}

TEST_F(Nodes, TheSameBootIdLeavesWhatRuns) {
  cluster.AddNode(kN1);
  const AttemptId id = cluster.SubmitAndStart(Retried(), {kN1});
  cluster.Do([&](Decision& decision) { NoteArrival(decision, kN1, Cluster::Facts(8)); });
  EXPECT_EQ(cluster.Get(id).phase, AttemptPhase::kPreparing);
  EXPECT_EQ(cluster.state.nodes.at(kN1).facts.slots, 8U);
}

TEST_F(Nodes, FewerSlotsThanAreHeldCountLater) {
  cluster.AddPool("shared", SharingMode::kSlots);
  cluster.AddNode(kN1, 4, "shared");
  cluster.SubmitAndStart(Needs(1, 3, "shared"), {kN1});
  cluster.Do([&](Decision& decision) { NoteArrival(decision, kN1, Cluster::Facts(1)); });
  EXPECT_EQ(cluster.state.nodes.at(kN1).facts.slots, 3U);
}

TEST_F(Nodes, ADrainedNodeStaysCordonedUntilSomebodyUncordonsIt) {
  cluster.AddNode(kN1);
  CordonNode drain;
  drain.workspace = kDefault;
  drain.node = kN1;
  drain.draining = true;
  ASSERT_TRUE(cluster.Ask(drain).has_value());
  EXPECT_TRUE(cluster.state.nodes.at(kN1).draining);
  drain.cordoned = false;
  ASSERT_TRUE(cluster.Ask(drain).has_value());
  EXPECT_FALSE(cluster.state.nodes.at(kN1).cordoned);
  EXPECT_FALSE(cluster.state.nodes.at(kN1).draining);
}

TEST_F(Nodes, ANodeThatRunsWorkIsNotRemovedALostOneIs) {
  cluster.AddNode(kN1);
  cluster.SubmitAndStart(Needs(), {kN1});
  const auto refused = Do<RemoveNode>(kN1);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().reason, ErrorReason::kInUse);
  ASSERT_TRUE(Do<DeclareNodeLost>(kN1).has_value());
  ASSERT_TRUE(Do<RemoveNode>(kN1).has_value());
  EXPECT_TRUE(cluster.state.nodes.empty());
  EXPECT_TRUE(cluster.state.jobs.empty());
}

TEST_F(Nodes, ANodeOfAnotherWorkspaceIsNotFound) {
  cluster.AddNode(kN1);
  RemoveNode command;
  command.workspace = WorkspaceName("other");
  command.node = kN1;
  EXPECT_EQ(cluster.Ask(command).error().reason, ErrorReason::kUnknownNode);
}

TEST_F(Nodes, ALeaseThatTheAgentLetRunOutIsALostNode) {
  cluster.AddNode(kN1);
  const AttemptId id = cluster.SubmitAndStart(Retried(), {kN1});
  ObservedAttempt expired = Observed(id, ObservedPhase::kFinished, {Signaled(0, 9)});
  expired.failure = CauseOf(CauseCode::kLeaseExpired, "Could not renew.");
  cluster.Report(kN1, {expired});
  EXPECT_EQ(cluster.StatusOf(id.job), JobStatus::kQueued);
}

TEST_F(Nodes, CannotClaimACauseThatIsNotTheirsToSay) {
  cluster.AddNode(kN1);
  const AttemptId id = cluster.SubmitAndStart(Retried(), {kN1});
  ObservedAttempt failed = Observed(id, ObservedPhase::kFinished);
  failed.failure = CauseOf(CauseCode::kNodeLost, "Try me again.");
  cluster.Report(kN1, {failed});
  EXPECT_EQ(cluster.StatusOf(id.job), JobStatus::kFailed);
}

}  // namespace
}  // namespace muster::scheduler
