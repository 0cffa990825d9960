#include "agent/logs/run_outputs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/unit/agent/fake_sink.h"
#include "tests/unit/agent/loop_driver.h"
#include "tests/unit/agent/temporary_directory.h"

namespace muster::agent {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

const AttemptId kJobId{JobId("digits_1_0a1b2c3d"), 1};

class RunOutputsTest : public testing::Test {
 protected:
  RunOutputsTest() {
    for (const char* name : {"outputs/deep/deeper", "logs/run1"}) {
      std::filesystem::create_directories(directory_ / name);
    }
    outputs_.OnSession(true);
  }
  void Write(const std::string& name, const std::string& content) {
    std::ofstream(directory_ / name) << content;
  }
  testing::AssertionResult ShipRest() {
    bool shipped = false;
    outputs_.ShipRest(kJobId, [&] { shipped = true; });
    return RunUntil(loop_, [&] { return shipped; });
  }

  boost::asio::io_context loop_;
  TemporaryDirectory directory_;
  FakeSink sink_;
  RunOutputs outputs_{loop_, sink_};
};

TEST_F(RunOutputsTest, LogsGoWhileTheJobRunsAndOutputsAtItsEnd) {
  outputs_.Follow(kJobId, directory_.path(), 0);
  Write("logs/run1/events", "loss");
  Write("outputs/deep/deeper/model", "weights");
  ASSERT_TRUE(RunUntil(loop_, [&] { return sink_.files["logs/run1/events"] == "loss"; }));
  EXPECT_FALSE(sink_.files.contains("outputs/deep/deeper/model"));
  Write("outputs/.hidden", "h");
  Write("outputs/empty", "");
  ASSERT_TRUE(ShipRest());
  EXPECT_EQ(sink_.files["outputs/deep/deeper/model"], "weights");
  EXPECT_EQ(sink_.files["outputs/.hidden"], "h");
  EXPECT_TRUE(sink_.files.contains("outputs/empty"));
  EXPECT_THAT(outputs_.Describe(kJobId),
              ElementsAre("outputs: 3 files, 8 bytes", "logs: 1 files, 4 bytes"));
}

TEST_F(RunOutputsTest, OtherNodesOfAGangHaveFoldersOfTheirOwn) {
  outputs_.Follow(kJobId, directory_.path(), 2);
  Write("outputs/model", "weights");
  Write("logs/note", "n");
  ASSERT_TRUE(ShipRest());
  EXPECT_EQ(sink_.files["outputs/node2/model"], "weights");
  EXPECT_EQ(sink_.files["logs/node2/note"], "n");
}

TEST_F(RunOutputsTest, WhatCannotBeKeptIsTold) {
  sink_.refused.insert("outputs/large");
  outputs_.Follow(kJobId, directory_.path(), 0);
  Write("outputs/large", "x");
  Write("outputs/small", "y");
  ASSERT_TRUE(ShipRest());
  const std::vector<std::string> lines = outputs_.Describe(kJobId);
  ASSERT_THAT(lines, SizeIs(3));
  EXPECT_THAT(lines[1], HasSubstr("1 files are not kept"));
  EXPECT_THAT(lines[2], HasSubstr("large"));
}

// The server would refuse the call, and with it the parts of others that it carries.
TEST_F(RunOutputsTest, ANameThatTheServerDoesNotTakeIsNotSentAndTold) {
  std::string deep = "outputs";
  for (int i = 0; i < 4; ++i) deep += "/" + std::string(250, 'd');
  std::filesystem::create_directories(directory_ / deep);
  const auto of_size = [&](std::size_t bytes) {
    return deep + "/" + std::string(bytes - deep.size() - 1, 'f');
  };
  Write(of_size(1'024), "taken");
  Write(of_size(1'025), "not taken");
  outputs_.Follow(kJobId, directory_.path(), 0);
  ASSERT_TRUE(ShipRest());
  EXPECT_THAT(sink_.files, testing::ElementsAre(testing::Pair(of_size(1'024), "taken")));
  const std::vector<std::string> lines = outputs_.Describe(kJobId);
  ASSERT_THAT(lines, SizeIs(3));
  EXPECT_THAT(lines[1], HasSubstr("1 files are not kept"));
}

TEST_F(RunOutputsTest, LinksAreNotFollowedAndAJobMayRemoveItsFolders) {
  Write("secret", "s");
  std::filesystem::create_symlink(directory_ / "secret", directory_ / "outputs/link");
  std::filesystem::remove_all(directory_ / "logs");
  outputs_.Follow(kJobId, directory_.path(), 0);
  ASSERT_TRUE(ShipRest());
  EXPECT_THAT(outputs_.Describe(kJobId), IsEmpty());
  EXPECT_THAT(sink_.files, IsEmpty());
}

}  // namespace
}  // namespace muster::agent
