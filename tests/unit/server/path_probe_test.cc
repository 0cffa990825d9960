// Who is asked about paths, and what follows from what they say.
#include "server/rpc/path_probe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace muster::server {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::IsEmpty;

const scheduler::PoolKey kPool{WorkspaceName("default"), PoolName("default")};

struct AskedPeer final : PathPeer {
  void Ask(std::shared_ptr<const v1::CheckPaths> question) override { asked.push_back(question); }
  std::vector<std::shared_ptr<const v1::CheckPaths>> asked;
};

class PathProbeTest : public ::testing::Test {
 protected:
  // In session `number` of the node.
  std::shared_ptr<AskedPeer> Connect(const std::string& node, std::uint64_t number,
                                     const scheduler::PoolKey& pool = kPool) {
    scheduler::Node& known = state_.nodes[NodeId(node)];
    known.id = NodeId(node);
    known.pool = pool;
    auto peer = std::make_shared<AskedPeer>();
    probe_.Add(number, NodeId(node), peer);
    return peer;
  }
  PathProbe::Asked Ask(const std::vector<std::string>& paths, std::size_t bytes = 100) {
    std::string key;
    for (const std::string& path : paths) key += path + "\n";
    return probe_.Ask(
        {Sha256(key), paths, bytes}, state_, kPool, now_ + milliseconds(500),
        [this](std::shared_ptr<const PathVerdict> verdict) { verdicts_.push_back(*verdict); });
  }
  bool Answer(std::uint64_t session, const AskedPeer& peer,
              const std::vector<std::string>& missing) {
    v1::PathsChecked checked;
    checked.set_id(peer.asked.back()->id());
    for (const std::string& path : missing) checked.add_missing(path);
    return probe_.Answer(session, checked);
  }

  scheduler::State state_;
  PathProbe probe_;
  SteadyPoint now_{std::chrono::hours(1)};
  std::vector<PathVerdict> verdicts_;
};

TEST_F(PathProbeTest, OneNodeThatHasItIsEnoughAndEndsTheWait) {
  const auto first = Connect("n1", 1);
  const auto second = Connect("n2", 2);
  ASSERT_EQ(Ask({"/data/a", "/data/b"}), PathProbe::Asked::kYes);
  ASSERT_EQ(first->asked.size(), 1U);
  EXPECT_THAT(first->asked[0]->paths(), ElementsAre("/data/a", "/data/b"));
  EXPECT_EQ(second->asked[0]->id(), first->asked[0]->id());

  Answer(1, *first, {"/data/b"});
  EXPECT_THAT(verdicts_, IsEmpty());
  Answer(2, *second, {"/data/a"});
  ASSERT_EQ(verdicts_.size(), 1U);
  EXPECT_TRUE(verdicts_[0].AllFound());

  ASSERT_EQ(Ask({"/data/c"}), PathProbe::Asked::kYes);
  Answer(2, *second, {});
  EXPECT_EQ(verdicts_.size(), 2U) << "the other node's answer changes nothing any more";
  EXPECT_EQ(probe_.NextDeadline(), std::nullopt);
}

TEST_F(PathProbeTest, APathThatNobodyHasIsMissingOnceAllHaveSaidSo) {
  const auto first = Connect("n1", 1);
  const auto second = Connect("n2", 2);
  ASSERT_EQ(Ask({"/data/a", "/data/b", "/data/c"}), PathProbe::Asked::kYes);
  Answer(2, *second, {"/data/c", "/data/a", "/not/asked"});
  EXPECT_THAT(verdicts_, IsEmpty());
  Answer(1, *first, {"/data/a", "/data/c", "/data/b"});
  ASSERT_EQ(verdicts_.size(), 1U);
  EXPECT_FALSE(verdicts_[0].AllFound());
  EXPECT_THAT(verdicts_[0].missing, ElementsAre("/data/a", "/data/c"));
  EXPECT_THAT(verdicts_[0].answered, ElementsAre(NodeId("n1"), NodeId("n2")));
}

TEST_F(PathProbeTest, ASilentNodeCostsItsTimeOnceUntilItSpeaks) {
  const auto peer = Connect("n1", 1);
  ASSERT_EQ(Ask({"/data/a"}), PathProbe::Asked::kYes);
  EXPECT_THAT(probe_.Expire(now_ + milliseconds(499)), IsEmpty());
  EXPECT_THAT(verdicts_, IsEmpty());
  EXPECT_THAT(probe_.Expire(*probe_.NextDeadline()), ElementsAre(NodeId("n1")));
  ASSERT_EQ(verdicts_.size(), 1U);
  EXPECT_THAT(verdicts_[0].answered, IsEmpty());
  EXPECT_THAT(verdicts_[0].missing, IsEmpty());
  EXPECT_FALSE(verdicts_[0].AllFound());

  EXPECT_EQ(Ask({"/data/b"}), PathProbe::Asked::kNobody);
  EXPECT_TRUE(Answer(1, *peer, {"/data/a"})) << "late, but it speaks again";
  EXPECT_FALSE(Answer(1, *peer, {"/data/a"}));
  EXPECT_EQ(Ask({"/data/b"}), PathProbe::Asked::kYes);
  EXPECT_EQ(verdicts_.size(), 1U);
}

TEST_F(PathProbeTest, TheWordOfThoseThatAnswerInTimeCounts) {
  const auto first = Connect("n1", 1);
  Connect("n2", 2);
  ASSERT_EQ(Ask({"/data/a"}), PathProbe::Asked::kYes);
  Answer(1, *first, {"/data/a"});
  EXPECT_THAT(probe_.Expire(now_ + milliseconds(500)), ElementsAre(NodeId("n2")));
  ASSERT_EQ(verdicts_.size(), 1U);
  EXPECT_THAT(verdicts_[0].missing, ElementsAre("/data/a"));
  EXPECT_THAT(verdicts_[0].answered, ElementsAre(NodeId("n1")));
}

TEST_F(PathProbeTest, ANodeThatLeavesIsNotWaitedFor) {
  const auto first = Connect("n1", 1);
  Connect("n2", 2);
  ASSERT_EQ(Ask({"/data/a"}), PathProbe::Asked::kYes);
  Answer(1, *first, {"/data/a"});
  probe_.Remove(2);
  ASSERT_EQ(verdicts_.size(), 1U);
  EXPECT_THAT(verdicts_[0].answered, ElementsAre(NodeId("n1")));

  ASSERT_EQ(Ask({"/data/b"}), PathProbe::Asked::kYes);
  probe_.Remove(1);
  probe_.Remove(1);
  ASSERT_EQ(verdicts_.size(), 2U);
  EXPECT_THAT(verdicts_[1].answered, IsEmpty());
  EXPECT_FALSE(Answer(1, *first, {})) << "it is gone";
  EXPECT_EQ(Ask({"/data/c"}), PathProbe::Asked::kNobody);
}

TEST_F(PathProbeTest, TheThreeNodesOfThePoolThatAreConnectedLongestAreAskedOnceEach) {
  const auto elsewhere = Connect("m1", 1, {WorkspaceName("default"), PoolName("other")});
  const auto replaced = Connect("n1", 2);
  const auto cordoned = Connect("n3", 3);
  const auto draining = Connect("n4", 4);
  std::vector<std::shared_ptr<AskedPeer>> asked = {Connect("n5", 5), Connect("n6", 6)};
  asked.push_back(Connect("n1", 7));
  const auto newest = Connect("n8", 8);
  state_.nodes[NodeId("n3")].cordoned = true;
  state_.nodes[NodeId("n4")].draining = true;
  ASSERT_EQ(Ask({"/data/a"}), PathProbe::Asked::kYes);
  for (const auto& peer : asked) EXPECT_EQ(peer->asked.size(), 1U);
  for (const auto& peer : {elsewhere, replaced, cordoned, draining, newest}) {
    EXPECT_THAT(peer->asked, IsEmpty());
  }
  probe_.Remove(7);
  EXPECT_EQ(newest->asked.size(), 1U) << "in place of the one that left";
  ASSERT_EQ(Ask({"/data/b"}), PathProbe::Asked::kYes);
  EXPECT_EQ(replaced->asked.size(), 1U) << "no newer session of its node is left";
}

TEST_F(PathProbeTest, OthersAreAskedBeforeAPathCountsAsMissing) {
  std::vector<std::shared_ptr<AskedPeer>> peers;
  for (std::uint64_t i = 1; i <= 20; ++i) peers.push_back(Connect("n" + std::to_string(i), i));
  ASSERT_EQ(Ask({"/data/a"}), PathProbe::Asked::kYes);
  EXPECT_THAT(peers[3]->asked, IsEmpty());
  Answer(1, *peers[0], {"/data/a"});
  for (std::uint64_t i = 2; i <= 15; ++i) {
    ASSERT_EQ(peers[i - 1]->asked.size(), 1U) << i;
    EXPECT_EQ(peers[i - 1]->asked[0]->id(), peers[0]->asked[0]->id());
    Answer(i, *peers[i - 1], {"/data/a"});
  }
  EXPECT_THAT(verdicts_, IsEmpty());
  Answer(16, *peers[15], {});
  ASSERT_EQ(verdicts_.size(), 1U);
  EXPECT_TRUE(verdicts_[0].AllFound());
  for (std::uint64_t i = 17; i <= 20; ++i) EXPECT_THAT(peers[i - 1]->asked, IsEmpty()) << i;
}

TEST_F(PathProbeTest, ANodeThatLeftMeanwhileIsNotAskedToo) {
  std::vector<std::shared_ptr<AskedPeer>> peers;
  for (std::uint64_t i = 1; i <= 5; ++i) peers.push_back(Connect("n" + std::to_string(i), i));
  ASSERT_EQ(Ask({"/data/a"}), PathProbe::Asked::kYes);
  probe_.Remove(4);
  probe_.Remove(5);
  for (std::uint64_t i = 1; i <= 3; ++i) Answer(i, *peers[i - 1], {"/data/a"});
  ASSERT_EQ(verdicts_.size(), 1U);
  EXPECT_THAT(verdicts_[0].missing, ElementsAre("/data/a"));
}

TEST_F(PathProbeTest, ACordonedNodeIsAskedWhereThereIsNoOther) {
  const auto peer = Connect("n1", 1);
  state_.nodes[NodeId("n1")].cordoned = true;
  EXPECT_EQ(Ask({"/data/a"}), PathProbe::Asked::kYes);
  EXPECT_EQ(peer->asked.size(), 1U);
}

TEST_F(PathProbeTest, WhoAsksTheSameMeanwhileWaitsForTheSameAnswer) {
  const auto peer = Connect("n1", 1);
  for (int i = 0; i < 100; ++i) ASSERT_EQ(Ask({"/data/a"}), PathProbe::Asked::kYes);
  ASSERT_EQ(Ask({"/data/b"}), PathProbe::Asked::kYes);
  EXPECT_EQ(peer->asked.size(), 2U);
  v1::PathsChecked checked;
  checked.set_id(peer->asked[0]->id());
  checked.add_missing("/data/a");
  probe_.Answer(1, checked);
  EXPECT_EQ(verdicts_.size(), 100U);
  EXPECT_THAT(verdicts_.back().missing, ElementsAre("/data/a"));
}

TEST_F(PathProbeTest, WhatWaitsIsBoundedAndMakesRoomAgain) {
  const auto peer = Connect("n1", 1);
  const std::size_t half = PathProbe::kMaxHeldBytes / 2;
  ASSERT_EQ(Ask({"/data/a"}, half), PathProbe::Asked::kYes);
  ASSERT_EQ(Ask({"/data/a"}, half), PathProbe::Asked::kYes);
  EXPECT_EQ(Ask({"/data/a"}), PathProbe::Asked::kFull);
  Answer(1, *peer, {});
  EXPECT_EQ(verdicts_.size(), 2U);
  for (std::size_t i = 0; i < PathProbe::kMaxWaiting; ++i) {
    ASSERT_EQ(Ask({"/data/a"}), PathProbe::Asked::kYes);
  }
  EXPECT_EQ(Ask({"/data/b"}), PathProbe::Asked::kFull);
  probe_.Expire(now_ + milliseconds(500));
  EXPECT_EQ(verdicts_.size(), 2 + PathProbe::kMaxWaiting);
}

TEST_F(PathProbeTest, AnAnswerToAnotherNodesQuestionIsNone) {
  Connect("n1", 1);
  const auto other = Connect("m1", 2, {WorkspaceName("default"), PoolName("other")});
  ASSERT_EQ(Ask({"/data/a"}), PathProbe::Asked::kYes);
  v1::PathsChecked checked;
  checked.set_id(1);
  probe_.Answer(2, checked);
  EXPECT_THAT(verdicts_, IsEmpty());
}

}  // namespace
}  // namespace muster::server
