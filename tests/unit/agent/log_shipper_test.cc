#include "agent/logs/log_shipper.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "tests/unit/agent/fake_sink.h"
#include "tests/unit/agent/loop_driver.h"
#include "tests/unit/agent/temporary_directory.h"

namespace muster::agent {
namespace {

const AttemptId kId{JobId("digits_1_0a1b2c3d"), 1};
constexpr char kLog[] = "70_driver_log.txt";
constexpr char kName[] = "azureml-logs/70_driver_log.txt";

LogShipperConfig Quick() {
  LogShipperConfig config;
  config.chunk_bytes = 1000;
  config.max_calls = 4;
  config.first_pause = std::chrono::milliseconds(1);
  config.longest_pause = std::chrono::milliseconds(5);
  return config;
}

std::string Lines(std::size_t bytes, char first = 'a') {
  std::string text;
  for (std::size_t i = 0; i < bytes; ++i)
    text += static_cast<char>(first + static_cast<int>(i % 23));
  return text;
}

class LogShipperTest : public testing::Test {
 protected:
  LogShipperTest() { shipper_.OnSession(true); }

  testing::AssertionResult RunUntilHas(const std::string& name, const std::string& content) {
    return RunUntil(loop_, [&] { return sink_.files[name] == content; });
  }
  testing::AssertionResult ShipRest() {
    bool shipped = false;
    shipper_.ShipRest(kId, [&shipped] { shipped = true; });
    return RunUntil(loop_, [&] { return shipped; });
  }

  boost::asio::io_context loop_;
  TemporaryDirectory directory_;
  FakeSink sink_;
  LogShipper shipper_{loop_, sink_, Quick()};
};

TEST_F(LogShipperTest, LinesArriveWhileTheJobRuns) {
  shipper_.Follow(kId, directory_.path());
  directory_.Append(kLog, "one\n");
  ASSERT_TRUE(RunUntilHas(kName, "one\n"));
  directory_.Append(kLog, "two\n");
  ASSERT_TRUE(RunUntilHas(kName, "one\ntwo\n"));
  directory_.Append("65_job_prep-n.txt", "ready\n");
  ASSERT_TRUE(RunUntilHas("azureml-logs/65_job_prep-n.txt", "ready\n"));
}

TEST_F(LogShipperTest, ALongFileGoesInChunksAFewAtATime) {
  const std::string text = Lines(25'500);
  for (int i = 0; i < 10; ++i) directory_.Write("log" + std::to_string(i), text);
  sink_.held = true;
  shipper_.Follow(kId, directory_.path());
  bool shipped = false;
  shipper_.ShipRest(kId, [&] { shipped = true; });
  ASSERT_TRUE(RunUntil(loop_, [&] {
    sink_.AnswerAll();
    return shipped;
  }));
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(sink_.files["azureml-logs/log" + std::to_string(i)], text);
  }
  EXPECT_LE(sink_.largest, 1000U);
  EXPECT_LE(sink_.most_waiting, 4U);
}

TEST_F(LogShipperTest, ANewAgentGoesOnWhereTheServersCopyEnds) {
  const std::string text = Lines(5000);
  directory_.Write(kLog, text);
  sink_.files[kName] = text.substr(0, 4200);
  shipper_.Follow(kId, directory_.path());
  ASSERT_TRUE(ShipRest());
  EXPECT_EQ(sink_.files[kName], text);
  EXPECT_LE(sink_.calls, 3);
}

TEST_F(LogShipperTest, BytesThatTheServerLostAreSentAgain) {
  shipper_.Follow(kId, directory_.path());
  const std::string text = Lines(3000);
  directory_.Append(kLog, text);
  ASSERT_TRUE(RunUntilHas(kName, text));
  sink_.files[kName].resize(700);
  directory_.Append(kLog, "more");
  ASSERT_TRUE(RunUntilHas(kName, text + "more"));
}

TEST_F(LogShipperTest, NothingIsMissingAfterTheServerWasAway) {
  shipper_.Follow(kId, directory_.path());
  directory_.Append(kLog, "before\n");
  ASSERT_TRUE(RunUntilHas(kName, "before\n"));
  sink_.away = true;
  shipper_.OnSession(false);
  directory_.Append(kLog, Lines(4000));
  bool shipped = false;
  shipper_.ShipRest(kId, [&] { shipped = true; });
  const int calls = sink_.calls;
  ASSERT_TRUE(RunUntil(loop_, [&] { return sink_.calls > calls + 5; }));
  EXPECT_FALSE(shipped);
  sink_.away = false;
  shipper_.OnSession(true);
  ASSERT_TRUE(RunUntil(loop_, [&] { return shipped; }));
  EXPECT_EQ(sink_.files[kName], "before\n" + Lines(4000));
}

TEST_F(LogShipperTest, AFileThatIsRefusedForGoodIsGivenUpAndTheOthersAreNot) {
  sink_.refused.insert(kName);
  directory_.Write(kLog, "secret");
  directory_.Write("70_mpi_log.txt", "mpi");
  shipper_.Follow(kId, directory_.path());
  ASSERT_TRUE(ShipRest());
  EXPECT_FALSE(sink_.files.contains(kName));
  EXPECT_EQ(sink_.files["azureml-logs/70_mpi_log.txt"], "mpi");
}

TEST_F(LogShipperTest, WhileNoSessionIsOpenARefusalIsNotFinal) {
  shipper_.OnSession(false);
  sink_.refused.insert(kName);
  directory_.Write(kLog, "text");
  shipper_.Follow(kId, directory_.path());
  bool shipped = false;
  shipper_.ShipRest(kId, [&] { shipped = true; });
  const int calls = sink_.calls;
  ASSERT_TRUE(RunUntil(loop_, [&] { return sink_.calls > calls + 3; }));
  EXPECT_FALSE(shipped);
  sink_.refused.clear();
  ASSERT_TRUE(RunUntil(loop_, [&] { return shipped; }));
  EXPECT_EQ(sink_.files[kName], "text");
}

TEST_F(LogShipperTest, AFileThatWasCutShortSendsNothingTwice) {
  shipper_.Follow(kId, directory_.path());
  directory_.Append(kLog, "0123456789");
  ASSERT_TRUE(RunUntilHas(kName, "0123456789"));
  directory_.Write(kLog, "012");
  ASSERT_TRUE(ShipRest());
  EXPECT_EQ(sink_.files[kName], "0123456789");
}

TEST_F(LogShipperTest, AnEmptyFileExistsAtTheServerToo) {
  directory_.Write(kLog, "");
  shipper_.Follow(kId, directory_.path());
  ASSERT_TRUE(ShipRest());
  EXPECT_TRUE(sink_.files.contains(kName));
}

TEST_F(LogShipperTest, LinksThatTheJobPlantedAreNotFollowed) {
  const TemporaryDirectory elsewhere;
  elsewhere.Write("shadow", "secret");
  std::filesystem::create_symlink(elsewhere / "shadow", directory_ / "70_symlink.txt");
  std::filesystem::create_hard_link(elsewhere / "shadow", directory_ / "70_hardlink.txt");
  std::filesystem::create_directory(directory_ / "70_directory.txt");
  ASSERT_EQ(mkfifo((directory_ / "70_fifo.txt").c_str(), 0600), 0);
  directory_.Write(kLog, "fine");
  shipper_.Follow(kId, directory_.path());
  ASSERT_TRUE(ShipRest());
  EXPECT_THAT(sink_.files, testing::ElementsAre(testing::Pair(kName, "fine")));
}

TEST(LogShipperLimits, AFileThatIsAllHoleIsCutAndTheAttemptFinishes) {
  boost::asio::io_context loop;
  const TemporaryDirectory directory;
  FakeSink sink;
  LogShipperConfig config = Quick();
  config.max_file_bytes = 5'000;
  config.max_attempt_bytes = 12'000;
  LogShipper shipper(loop, sink, config);
  shipper.OnSession(true);
  for (const char* name : {"a", "b", "c", "d"}) {
    directory.Write(name, "");
    std::filesystem::resize_file(directory / name, 1ULL << 40);
  }
  shipper.Follow(kId, directory.path());
  bool shipped = false;
  shipper.ShipRest(kId, [&shipped] { shipped = true; });
  ASSERT_TRUE(RunUntil(loop, [&shipped] { return shipped; }));
  std::size_t total = 0;
  for (const auto& [name, content] : sink.files) {
    EXPECT_LE(content.size(), config.max_file_bytes) << name;
    total += content.size();
  }
  // At most one more chunk of each file was under way when the limit was reached.
  EXPECT_GE(total, config.max_attempt_bytes);
  EXPECT_LE(total, config.max_attempt_bytes + 4 * config.chunk_bytes);
}

TEST_F(LogShipperTest, AFileWhoseNameIsNoTextHoldsNothingUp) {
  directory_.Write("caf\xe9.txt", "not shipped\n");
  directory_.Write(kLog, "line\n");
  shipper_.Follow(kId, directory_.path());
  ASSERT_TRUE(ShipRest());
  EXPECT_THAT(sink_.files, testing::ElementsAre(testing::Pair(kName, "line\n")));
}

TEST_F(LogShipperTest, ADirectoryFullOfOtherThingsIsNotReadToItsEnd) {
  constexpr int kDirectories = 200;
  for (int i = 0; i < kDirectories; ++i) {
    std::filesystem::create_directory(directory_ / ("d" + std::to_string(i)));
  }
  const auto logs = LogDirectory::Open(directory_.path());
  ASSERT_TRUE(logs);
  EXPECT_THAT(logs->Names(10), testing::IsEmpty());
  directory_.Write(kLog, "found when the limit allows\n");
  EXPECT_THAT(logs->Names(kDirectories), testing::ElementsAre(kLog));
}

TEST_F(LogShipperTest, ManyFilesThatWaitForAnAbsentServerCostNoTimeInTheLoop) {
  constexpr int kFiles = 3'000;
  for (int i = 0; i < kFiles; ++i) directory_.Write("log" + std::to_string(i), "line\n");
  sink_.away = true;
  shipper_.Follow(kId, directory_.path());
  bool shipped = false;
  shipper_.ShipRest(kId, [&] { shipped = true; });
  // Each look finds all of them waiting already.
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 20; ++i) shipper_.ShipRest(kId, [&] { shipped = true; });
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
  sink_.away = false;
  shipper_.OnSession(true);
  ASSERT_TRUE(RunUntil(loop_, [&] { return shipped; }));
  EXPECT_EQ(sink_.files.size(), std::size_t{kFiles});
}

TEST_F(LogShipperTest, AnAttemptThatIsNotFollowedIsShippedAtOnce) { EXPECT_TRUE(ShipRest()); }

TEST_F(LogShipperTest, AnAnswerThatComesAfterForgettingIsHarmless) {
  sink_.held = true;
  directory_.Write(kLog, "text");
  shipper_.Follow(kId, directory_.path());
  shipper_.Forget(kId);
  sink_.AnswerAll();
  sink_.held = false;
  shipper_.Follow(kId, directory_.path());
  ASSERT_TRUE(ShipRest());
  EXPECT_EQ(sink_.files[kName], "text");
}

TEST_F(LogShipperTest, AWriterWithoutPauseIsSentInBatches) {
  LogShipperConfig config;
  LogShipper shipper(loop_, sink_, config);
  shipper.OnSession(true);
  shipper.Follow(kId, directory_.path());
  std::string text;
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(300);
  while (std::chrono::steady_clock::now() < end) {
    directory_.Append(kLog, "line\n");
    text += "line\n";
    loop_.restart();
    loop_.poll();
  }
  ASSERT_TRUE(RunUntilHas(kName, text));
  EXPECT_LE(sink_.calls, 30);
}

}  // namespace
}  // namespace muster::agent
