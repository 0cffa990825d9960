#include "scheduler/lifecycle/submit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scheduler/lifecycle/job_id.h"
#include "scheduler/model/derived.h"
#include "tests/support/scheduler_builders.h"

namespace muster::scheduler {
namespace {

using ::testing::HasSubstr;

TEST(Submit, AJobIsQueuedUnderANameOfExperimentAndSecond) {
  Cluster cluster;
  const JobId job = cluster.Submit(Needs());
  EXPECT_THAT(job.str(), ::testing::MatchesRegex("digits_1790000000_[0-9a-f]{8}"));
  const auto& state = cluster.state;
  EXPECT_EQ(state.jobs.at(job).status, JobStatus::kQueued);
  EXPECT_EQ(state.jobs.at(job).user, UserName("alice"));
  EXPECT_EQ(state.pools.at({kDefault, PoolName("default")}).waiting.size(), 1U);
}

TEST(Submit, AThousandJobsOfOneSecondHaveAThousandNames) {
  std::set<JobId> ids;
  for (std::uint64_t sequence = 1; sequence <= 1000; ++sequence) {
    ids.insert(JobIdFor("x", kStartTime, sequence));
  }
  EXPECT_EQ(ids.size(), 1000U);
}

TEST(Submit, EveryFaultIsListedWithWhatWouldWork) {
  Cluster cluster;
  cluster.AddPool("small", SharingMode::kExclusive, 4, 2);
  SubmitJob command = SubmitCommand(Needs(3, 8, "small"));
  command.datastores = {DatastoreName("digits")};
  const auto answer = cluster.Ask(command);
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().code, ErrorCode::kInvalidArgument);
  ASSERT_EQ(answer.error().faults.size(), 3U);
  EXPECT_EQ(answer.error().faults[0].field, "node_count");
  EXPECT_THAT(answer.error().faults[0].message, HasSubstr("no more than 2"));
  EXPECT_EQ(answer.error().faults[1].field, "process_count_per_node");
  EXPECT_THAT(answer.error().faults[1].message, HasSubstr("no more than 4 processes"));
  EXPECT_EQ(answer.error().faults[2].field, "data_references[0].datastore");
  EXPECT_TRUE(cluster.state.jobs.empty());
}

TEST(Submit, AnUnknownPoolIsAnsweredWithThoseThereAre) {
  Cluster cluster;
  const auto answer = cluster.Ask(SubmitCommand(Needs(1, 1, "gpu")));
  ASSERT_FALSE(answer.has_value());
  EXPECT_THAT(answer.error().faults.at(0).message, HasSubstr("there are: default"));
}

TEST(Submit, APoolThatTakesNodesAsTheyAreHasNoLimitOfSlots) {
  Cluster cluster;
  EXPECT_TRUE(cluster.Ask(SubmitCommand(Needs(1, 500))).has_value());
}

TEST(Submit, ARepeatedRequestGetsTheSameJob) {
  Cluster cluster;
  const auto first = cluster.Ask(SubmitCommand(Needs(), "key"));
  const auto second = cluster.Ask(SubmitCommand(Needs(), "key"));
  ASSERT_TRUE(second.has_value());
  EXPECT_EQ(second->entity, first->entity);
  EXPECT_TRUE(second->repeated);
  EXPECT_EQ(cluster.state.jobs.size(), 1U);
  EXPECT_TRUE(cluster.last_events.empty());
}

TEST(Submit, AKeyUsedForOtherContentIsRefused) {
  Cluster cluster;
  ASSERT_TRUE(cluster.Ask(SubmitCommand(Needs(), "key")).has_value());
  SubmitJob other = SubmitCommand(Needs(), "key");
  other.idempotency = Key("key", "other");
  const auto answer = cluster.Ask(other);
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().code, ErrorCode::kAlreadyExists);
  EXPECT_EQ(answer.error().reason, ErrorReason::kIdempotencyKeyReused);
}

TEST(Submit, ARepetitionIsAnsweredEvenWhenNothingNewIsTaken) {
  Cluster cluster;
  ASSERT_TRUE(cluster.Ask(SubmitCommand(Needs(), "key")).has_value());
  cluster.surroundings.disk_low = true;
  EXPECT_TRUE(cluster.Ask(SubmitCommand(Needs(), "key")).has_value());
  const auto refused = cluster.Ask(SubmitCommand(Needs(), "other"));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kResourceExhausted);
  EXPECT_EQ(refused.error().reason, ErrorReason::kDiskReserve);
}

TEST(Submit, AStoppingServerTakesNothingNew) {
  Cluster cluster;
  cluster.surroundings.shutting_down = true;
  const auto answer = cluster.Ask(SubmitCommand(Needs()));
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().code, ErrorCode::kUnavailable);
}

TEST(Submit, TheQueueHasABound) {
  Cluster cluster;
  cluster.surroundings.max_waiting_jobs = 2;
  cluster.Submit(Needs());
  cluster.Submit(Needs());
  const auto answer = cluster.Ask(SubmitCommand(Needs()));
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().reason, ErrorReason::kTooMany);
}

TEST(Submit, AnUnknownWorkspaceIsNotFound) {
  Cluster cluster;
  SubmitJob command = SubmitCommand(Needs());
  command.workspace = WorkspaceName("other");
  const auto answer = cluster.Ask(command);
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().reason, ErrorReason::kUnknownWorkspace);
}

TEST(Answers, ThatOfALiveJobsSubmitIsKeptWhateverElseIsAsked) {
  Cluster cluster;
  ASSERT_TRUE(cluster.Ask(SubmitCommand(Needs(), "submit")).has_value());
  const JobId job = cluster.state.jobs.begin()->first;
  EXPECT_TRUE(cluster.state.answered_by_sequence.empty());
  ASSERT_TRUE(cluster.Cancel(job).has_value());
  EXPECT_EQ(cluster.state.answered_by_sequence.size(), 1U);
  EXPECT_TRUE(cluster.Ask(SubmitCommand(Needs(), "submit"))->repeated);
}

TEST(Derived, WhatBootComputesIsWhatApplyKept) {
  Cluster cluster;
  cluster.AddNode(kN1);
  cluster.AddNode(kN2);
  ASSERT_TRUE(cluster.Ask(SubmitCommand(Needs(), "waits")).has_value());
  cluster.SubmitAndStart(Needs(2, 2), {kN1, kN2});
  State loaded = cluster.state;
  for (auto& [key, pool] : loaded.pools) {
    pool.waiting.clear();
    pool.nodes.clear();
  }
  for (auto& [id, node] : loaded.nodes) node.held.clear();
  for (auto& [id, job] : loaded.jobs) job.request_key.clear();
  RebuildDerived(loaded);
  EXPECT_EQ(BrokenInvariants(loaded), std::vector<std::string>());
  EXPECT_EQ(loaded.nodes.at(kN1).held, cluster.state.nodes.at(kN1).held);
}

}  // namespace
}  // namespace muster::scheduler
