#include "server/rpc/session_registry.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace muster::server {
namespace {

struct Recorder final : AgentStream {
  void Send(const scheduler::SendWelcome&) override { log.push_back("welcome"); }
  void Send(const scheduler::SendDesired& desired) override {
    log.push_back("desired " + std::to_string(desired.version));
  }
  void Send(const scheduler::SendReportAck&) override { log.push_back("report_ack"); }
  void Send(const scheduler::SendHeartbeatAck&) override { log.push_back("heartbeat_ack"); }
  void Send(const scheduler::SendGoodbye&) override { log.push_back("goodbye"); }
  void Drop(const std::string& reason) override { log.push_back("drop " + reason); }
  std::vector<std::string> log;
};

TEST(SessionRegistry, EffectsGoToTheSessionTheyName) {
  SessionRegistry registry;
  const auto older = std::make_shared<Recorder>();
  const auto newer = std::make_shared<Recorder>();
  registry.Add(1, older);
  registry.Add(2, newer);
  const NodeId node("n");
  EXPECT_TRUE(registry.Route(scheduler::DropSession{node, 1, "replaced"}));
  EXPECT_TRUE(registry.Route(scheduler::SendWelcome{node, 2, 1, {}}));
  EXPECT_TRUE(registry.Route(scheduler::SendDesired{node, 2, 1, 7, {}}));
  EXPECT_EQ(older->log, std::vector<std::string>{"drop replaced"});
  EXPECT_EQ(newer->log, (std::vector<std::string>{"welcome", "desired 7"}));
}

TEST(SessionRegistry, NothingReachesASessionThatIsGone) {
  SessionRegistry registry;
  const auto stream = std::make_shared<Recorder>();
  registry.Add(1, stream);
  registry.Remove(1);
  registry.Remove(1);
  EXPECT_TRUE(registry.Route(scheduler::SendHeartbeatAck{NodeId("n"), 1, 5}));
  EXPECT_TRUE(stream->log.empty());
  EXPECT_EQ(registry.size(), 0U);
}

TEST(SessionRegistry, AnEffectForNobodyIsLeftToTheCaller) {
  SessionRegistry registry;
  EXPECT_FALSE(registry.Route(scheduler::PublishIdentities{}));
}

}  // namespace
}  // namespace muster::server
