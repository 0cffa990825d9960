#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "scheduler/placement/explain.h"
#include "scheduler/placement/plan.h"
#include "tests/support/scheduler_builders.h"

namespace muster::scheduler {
namespace {

using ::testing::HasSubstr;
using Nodes = std::vector<NodeId>;

const PoolKey kPool{kDefault, PoolName("default")};
const PoolKey kShared{kDefault, PoolName("shared")};
constexpr QueueKey kFront{std::numeric_limits<std::int32_t>::min(), 0};

class Placing : public ::testing::Test {
 protected:
  Placing() { cluster.AddPool("shared", SharingMode::kSlots); }
  Plan Make(const PoolKey& pool = kPool, std::size_t budget = 100) {
    for (const auto& [id, node] : cluster.state.nodes) {
      free.Refresh(cluster.state, id, !unusable.contains(id));
    }
    return MakePlan(cluster.state, pool, free, kFront, budget);
  }
  std::vector<JobId> Placed(const PoolKey& pool = kPool) {
    std::vector<JobId> jobs;
    for (const Placement& placement : Make(pool).placements) jobs.push_back(placement.job);
    return jobs;
  }
  Pending Why(const JobId& job) {
    return Explain(
        cluster.state, [&](const NodeId& id) { return !unusable.contains(id); }, job, kStartTime);
  }
  Cluster cluster;
  FreeNodes free;
  std::set<NodeId> unusable;
};

TEST_F(Placing, HigherPriorityFirstThenSubmissionOrder) {
  cluster.AddNode(kN1);
  cluster.AddNode(kN2);
  const JobId first = cluster.Submit(Needs());
  cluster.Submit(Needs());
  JobRequirements urgent = Needs();
  urgent.priority = 5;
  const JobId third = cluster.Submit(urgent);
  EXPECT_EQ(Placed(), (std::vector{third, first}));
}

TEST_F(Placing, AnExclusiveNodeBelongsToOneJob) {
  cluster.AddNode(kN1, 8);
  const JobId first = cluster.Submit(Needs(1, 2));
  cluster.Submit(Needs(1, 2));
  EXPECT_EQ(Placed(), std::vector{first});
}

TEST_F(Placing, ASharedNodeIsSharedBySlots) {
  cluster.AddNode(kN1, 4, "shared");
  const JobId first = cluster.Submit(Needs(1, 2, "shared"));
  const JobId second = cluster.Submit(Needs(1, 2, "shared"));
  cluster.Submit(Needs(1, 1, "shared"));
  EXPECT_EQ(Placed(kShared), (std::vector{first, second}));
}

TEST_F(Placing, TheFullestNodeThatFitsIsTaken) {
  cluster.AddNode(kN1, 8, "shared");
  cluster.AddNode(kN2, 2, "shared");
  cluster.Submit(Needs(1, 2, "shared"));
  EXPECT_EQ(Make(kShared).placements.at(0).nodes, Nodes{kN2});
}

TEST_F(Placing, AGangGetsAllItsNodesOrNone) {
  cluster.AddNode(kN1);
  cluster.AddNode(kN2);
  cluster.SubmitAndStart(Needs(), {kN1});
  const JobId gang = cluster.Submit(Needs(2));
  EXPECT_TRUE(Placed().empty());
  cluster.AddNode(kN3);
  const Plan plan = Make();
  ASSERT_EQ(plan.placements.size(), 1U);
  EXPECT_EQ(plan.placements[0].job, gang);
  EXPECT_EQ(plan.placements[0].nodes, (Nodes{kN2, kN3}));
}

TEST_F(Placing, AGangThatWaitsForBusyNodesHoldsUpThoseBehindIt) {
  cluster.AddNode(kN1);
  cluster.AddNode(kN2);
  cluster.SubmitAndStart(Needs(), {kN1});
  cluster.Submit(Needs(2));
  cluster.Submit(Needs());
  const Plan plan = Make();
  EXPECT_TRUE(plan.placements.empty());
  EXPECT_TRUE(plan.blocked_at.has_value());
}

TEST_F(Placing, AJobThatWaitsForMissingNodesHoldsUpNobody) {
  cluster.AddNode(kN1);
  cluster.Submit(Needs(2));
  const JobId small = cluster.Submit(Needs());
  EXPECT_EQ(Placed(), std::vector{small});
}

TEST_F(Placing, NodesThatAreAwayCordonedLostOrFullTakeNothing) {
  for (const char* name : {"n1", "n2", "n3", "n4"}) cluster.AddNode(NodeId(name));
  unusable.insert(kN1);
  cluster.Emit(NodeCordoned{kN2, true, false});
  cluster.Emit(NodeLost{kN3, {}});
  const JobId job = cluster.Submit(Needs());
  const Plan plan = Make();
  ASSERT_EQ(plan.placements.size(), 1U);
  EXPECT_EQ(plan.placements[0].job, job);
  EXPECT_EQ(plan.placements[0].nodes, Nodes{NodeId("n4")});
}

TEST_F(Placing, NodesThatAreTooSmallAreLeftOut) {
  cluster.AddNode(kN1, 2);
  cluster.AddNode(kN2, 4);
  cluster.Submit(Needs(1, 3));
  EXPECT_EQ(Make().placements.at(0).nodes, Nodes{kN2});
}

TEST_F(Placing, NothingIsExaminedWhereNoNodeHasRoom) {
  cluster.AddNode(kN1);
  cluster.SubmitAndStart(Needs(), {kN1});
  for (int i = 0; i < 50; ++i) cluster.Submit(Needs());
  EXPECT_EQ(Make().examined, 0U);
}

TEST_F(Placing, ABudgetEndsAPassThatGoesOnFromThere) {
  cluster.AddNode(kN1);
  for (int i = 0; i < 5; ++i) cluster.Submit(Needs(2));  // nodes are missing
  const JobId last = cluster.Submit(Needs());
  const Plan first = Make(kPool, 4);
  EXPECT_EQ(first.examined, 4U);
  ASSERT_TRUE(first.next.has_value());
  const Plan second = MakePlan(cluster.state, kPool, free, *first.next, 4);
  ASSERT_EQ(second.placements.size(), 1U);
  EXPECT_EQ(second.placements[0].job, last);
}

TEST_F(Placing, ABusyPoolIsExplainedByWhoHoldsIt) {
  cluster.AddNode(kN1);
  cluster.AddNode(kN2);
  const AttemptId running = cluster.SubmitAndStart(Needs(), {kN1});
  cluster.Report(kN1, {Observed(running, ObservedPhase::kRunning, {Started(0)})});
  const Pending pending = Why(cluster.Submit(Needs(2, 4)));
  EXPECT_EQ(pending.reason, PendingReason::kNodesBusy);
  EXPECT_EQ(pending.position, 1U);
  EXPECT_EQ(pending.message, "needs 2 nodes of 4 slots; pool default has 2, 1 idle; held by job " +
                                 running.job.str() + ", running since " + FormatUtc(kStartTime));
}

TEST_F(Placing, AJobBehindAnotherIsToldWhich) {
  cluster.AddNode(kN1);
  cluster.SubmitAndStart(Needs(), {kN1});
  const JobId ahead = cluster.Submit(Needs());
  const Pending pending = Why(cluster.Submit(Needs()));
  EXPECT_EQ(pending.reason, PendingReason::kBehindOthers);
  EXPECT_EQ(pending.position, 2U);
  EXPECT_THAT(pending.message, HasSubstr("behind 1 other job, of which job " + ahead.str()));
}

TEST_F(Placing, OfAVeryLongQueueOnlyTheFirstAreCounted) {
  cluster.AddNode(kN1);
  cluster.SubmitAndStart(Needs(), {kN1});
  const JobId ahead = cluster.Submit(Needs());
  const JobId last = cluster.Submit(Needs());
  auto& waiting = cluster.state.pools.at({kDefault, PoolName("default")}).waiting;
  for (std::uint64_t i = 0; i < 20'000; ++i) waiting.emplace(QueueKey{-1, i}, ahead);
  const Pending pending = Why(last);
  EXPECT_EQ(pending.reason, PendingReason::kBehindOthers);
  EXPECT_EQ(pending.position, 10'001U);
  EXPECT_THAT(pending.message, HasSubstr("behind more than 10000 other jobs, of which job"));
}

TEST_F(Placing, MissingNodesAreCounted) {
  cluster.AddNode(kN1, 4);
  cluster.AddNode(kN2, 1);
  const Pending pending = Why(cluster.Submit(Needs(2, 2)));
  EXPECT_EQ(pending.reason, PendingReason::kNodesMissing);
  EXPECT_EQ(pending.message,
            "needs 2 nodes of 2 slots; pool default has 1 such node and 1 smaller; it starts once "
            "more have joined");
}

TEST_F(Placing, NodesThatAreAwayAreNamed) {
  cluster.AddNode(kN1);
  cluster.AddNode(kN2);
  unusable.insert(kN1);
  cluster.Emit(NodeCordoned{kN2, true, true});
  const Pending pending = Why(cluster.Submit(Needs()));
  EXPECT_EQ(pending.reason, PendingReason::kNodesUnavailable);
  EXPECT_EQ(pending.message,
            "needs 1 node of 1 slot; pool default has 2, of which 0 take work: n1 is not connected "
            "or short of disk, n2 is draining");
}

TEST_F(Placing, ASilentJobThatMayBeRetriedWaitsForItsLease) {
  cluster.AddNode(kN1);
  JobRequirements needs = Needs();
  needs.node_loss_retries = 1;
  const AttemptId id = cluster.SubmitAndStart(needs, {kN1});
  cluster.Emit(JobStatusChanged{id.job, JobStatus::kNotResponding, {}});
  EXPECT_EQ(Why(id.job).reason, PendingReason::kWaitingForLease);
}

}  // namespace
}  // namespace muster::scheduler
