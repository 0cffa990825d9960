#include "server/rpc/node_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace muster::server {
namespace {

using scheduler::AttemptPhase;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class NodeView : public ::testing::Test {
 protected:
  NodeView() {
    node_.id = NodeId("n1");
    soft_.connected = true;
    soft_.last_heard = FromMicros(1'790'000'000'000'000);
  }

  void Hold(const std::string& job, std::uint32_t number, AttemptPhase phase) {
    const AttemptId id{JobId(job), number};
    node_.held[id] = 2;
    state_.attempts[id].phase = phase;
  }
  NodeCondition Condition() const { return ConditionOf(state_, node_, soft_); }

  scheduler::State state_;
  scheduler::Node node_;
  Core::NodeSoftState soft_;
};

TEST_F(NodeView, StateFollowsWhatTheNodeHolds) {
  EXPECT_EQ(Condition().state, v1::NODE_STATE_IDLE);
  EXPECT_EQ(Condition().reason, "");
  Hold("a", 1, AttemptPhase::kPreparing);
  EXPECT_EQ(Condition().state, v1::NODE_STATE_PREPARING);
  Hold("b", 1, AttemptPhase::kRunning);
  EXPECT_EQ(Condition().state, v1::NODE_STATE_RUNNING);
  node_.cordoned = node_.draining = true;
  EXPECT_EQ(Condition().state, v1::NODE_STATE_LEAVING);
}

TEST_F(NodeView, ASilentNodeIsUnusableAndSaysSinceWhen) {
  soft_.connected = false;
  EXPECT_EQ(Condition().state, v1::NODE_STATE_IDLE) << "not for long yet";
  EXPECT_THAT(Condition().reason, HasSubstr("not connected; last heard at 2026-"));
  soft_.responding = false;
  EXPECT_EQ(Condition().state, v1::NODE_STATE_UNUSABLE);
  EXPECT_THAT(Condition().reason, HasSubstr("not heard since 2026-"));
  soft_.last_heard.reset();
  EXPECT_EQ(Condition().reason, "not heard since the server started");
}

TEST_F(NodeView, ANodeWithoutRoomIsUnusableOnceItIsEmpty) {
  soft_.disk_low = true;
  soft_.free_disk_bytes = 5 << 20;
  Hold("a", 1, AttemptPhase::kRunning);
  EXPECT_EQ(Condition().state, v1::NODE_STATE_RUNNING);
  EXPECT_THAT(Condition().reason, HasSubstr("5 MiB free"));
  node_.held.clear();
  EXPECT_EQ(Condition().state, v1::NODE_STATE_UNUSABLE);
}

TEST_F(NodeView, ACordonedNodeKeepsItsStateAndSaysSo) {
  node_.cordoned = true;
  EXPECT_EQ(Condition().state, v1::NODE_STATE_IDLE);
  EXPECT_THAT(Condition().reason, HasSubstr("cordoned"));
}

TEST_F(NodeView, JobsAndSlotsAreThoseOfAllAttempts) {
  Hold("a", 1, AttemptPhase::kEnded);
  Hold("a", 2, AttemptPhase::kRunning);
  Hold("b", 1, AttemptPhase::kRunning);
  v1::Node out;
  EncodeNode(state_, node_, soft_, out);
  EXPECT_EQ(out.slots_used(), 6U);
  EXPECT_THAT(out.job_ids(), ElementsAre("a", "b"));
  EXPECT_EQ(out.last_heard_us(), 1'790'000'000'000'000);
}

}  // namespace
}  // namespace muster::server
