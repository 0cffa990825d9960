// Spools come to the server whole and once, whoever is away meanwhile and whatever the job does.
#include "agent/tracking/spool_shipper.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "agent/tracking/spool_chunk.h"
#include "tests/unit/agent/fake_tracking_sink.h"
#include "tests/unit/agent/loop_driver.h"
#include "tests/unit/agent/temporary_directory.h"

namespace muster::agent {
namespace {

using testing::HasSubstr;

const AttemptId kSpoolId{JobId("digits_1_0a1b2c3d"), 1};
constexpr char kSpool[] = "0-7-00ff00ff00ff00ff.jsonl";

SpoolShipperConfig QuickSpools() {
  SpoolShipperConfig config;
  config.pace = std::chrono::milliseconds(1);
  config.poll = std::chrono::milliseconds(10);
  config.rest = std::chrono::milliseconds(1);
  config.first_pause = std::chrono::milliseconds(1);
  config.longest_pause = std::chrono::milliseconds(5);
  config.give_up_after = std::chrono::milliseconds(50);
  return config;
}

TEST(SpoolCut, TakesWholeLinesAndPassesOverWhatIsNone) {
  const std::string full(kSpoolChunkBytes, 'x');
  const struct {
    std::string window;
    bool in_long_line;
    bool is_all;
    std::size_t data;
    std::size_t skipped;
    bool then_in_long_line;
    bool refuses;
  } cases[] = {
      {"", false, false, 0, 0, false, false},
      {"", false, true, 0, 0, false, false},
      {"one\ntwo\nthr", false, false, 8, 0, false, false},
      {"one\ntwo\nthr", false, true, 8, 0, false, false},
      {"thr", false, false, 0, 0, false, false},
      {"thr", false, true, 0, 3, false, true},
      {full, false, false, 0, kSpoolChunkBytes, true, true},
      {full, true, false, 0, kSpoolChunkBytes, true, false},
      {"rest\nnext\n", true, false, 0, 5, false, false},
      {"rest", true, true, 0, 4, false, false},
  };
  for (const auto& it : cases) {
    const SpoolCut cut = CutSpool(it.window, it.in_long_line, it.is_all);
    const std::string shown = it.window.substr(0, 20);
    EXPECT_EQ(cut.data, it.data) << shown;
    EXPECT_EQ(cut.skipped, it.skipped) << shown;
    EXPECT_EQ(cut.in_long_line, it.then_in_long_line) << shown;
    EXPECT_EQ(cut.refuses_line, it.refuses) << shown;
  }
}

TEST(SpoolNames, ArePlainAndShort) {
  EXPECT_TRUE(IsSpoolName(kSpool));
  for (const char* name :
       {"0.jsonl.ack", ".0.jsonl", "a b.jsonl", "\xc3\xa9.jsonl", "x\n.jsonl", "poke"}) {
    EXPECT_FALSE(IsSpoolName(name)) << name;
  }
  EXPECT_FALSE(IsSpoolName(std::string(195, 'x') + ".jsonl"));
}

class SpoolShipperTest : public testing::Test {
 protected:
  SpoolShipperTest() {
    for (const char* name : {"tracking", "run", "logs"}) {
      std::filesystem::create_directory(directory_ / name);
    }
    shipper_ = std::make_unique<SpoolShipper>(loop_, sink_, QuickSpools());
    shipper_->OnSession(true);
  }

  void Follow() {
    shipper_->Follow(kSpoolId, {directory_ / "tracking", directory_ / "run", directory_ / "logs",
                                "tracking_refused.log"});
  }
  // As the next agent does: it knows nothing but what is on disk.
  void StartAgain() {
    shipper_ = std::make_unique<SpoolShipper>(loop_, sink_, QuickSpools());
    shipper_->OnSession(true);
    Follow();
  }
  void Write(const std::string& text, const std::string& name = kSpool) {
    std::ofstream(InTracking(name), std::ios::app) << text;
  }
  std::string InTracking(const std::string& name) { return directory_ / ("tracking/" + name); }
  static std::string ContentOf(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  testing::AssertionResult RunUntilHas(const std::string& data, const std::string& name = kSpool) {
    return RunUntil(loop_, [&] { return sink_.writers[name].data == data; });
  }
  testing::AssertionResult ShipRest() {
    bool shipped = false;
    shipper_->ShipRest(kSpoolId, [&](std::optional<std::string> failure) {
      failure_ = std::move(failure);
      shipped = true;
    });
    return RunUntil(loop_, [&] { return shipped; });
  }

  boost::asio::io_context loop_;
  TemporaryDirectory directory_;
  FakeTrackingSink sink_;
  std::unique_ptr<SpoolShipper> shipper_;
  std::optional<std::string> failure_;
};

TEST_F(SpoolShipperTest, LinesArriveWhileTheScriptRunsAndAreAcknowledged) {
  Follow();
  Write("one\ntw");
  ASSERT_TRUE(RunUntilHas("one\n"));
  ASSERT_TRUE(RunUntil(loop_, [&] { return ContentOf(InTracking(kSpool) + ".ack") == "4"; }));
  Write("o\n");
  ASSERT_TRUE(RunUntilHas("one\ntwo\n"));
  ASSERT_TRUE(ShipRest());
  EXPECT_FALSE(failure_);
}

TEST_F(SpoolShipperTest, TheNextAgentGoesOnWhereTheServerIs) {
  Write("one\ntwo\n");
  sink_.writers[kSpool] = {"one\n", 4};
  Follow();
  ASSERT_TRUE(RunUntilHas("one\ntwo\n"));
  Write("three\n");
  StartAgain();
  ASSERT_TRUE(ShipRest());
  EXPECT_EQ(sink_.writers[kSpool].data, "one\ntwo\nthree\n");
}

TEST_F(SpoolShipperTest, AServerThatHasLostItsPlaceIsSentItAllAgain) {
  Write("one\n");
  Follow();
  ASSERT_TRUE(RunUntilHas("one\n"));
  sink_.writers.clear();
  Write("two\n");
  ASSERT_TRUE(RunUntilHas("one\ntwo\n"));
}

TEST_F(SpoolShipperTest, NothingIsLostWhileTheServerIsAway) {
  sink_.error = Error{ErrorCode::kUnavailable, ErrorReason::kUnspecified, "away"};
  shipper_->OnSession(false);
  Write("one\n");
  Follow();
  ASSERT_TRUE(RunUntil(loop_, [&] { return sink_.appends > 20; }));
  Write("two\n");
  sink_.error.reset();
  ASSERT_TRUE(ShipRest());
  EXPECT_EQ(sink_.writers[kSpool].data, "one\ntwo\n");
}

TEST_F(SpoolShipperTest, FilesTakeTurnsAndOneChunkIsUnderWay) {
  const std::string line(999, 'x');
  for (const char* name : {"a.jsonl", "b.jsonl", "c.jsonl"}) {
    std::string text;
    for (int i = 0; i < 3'000; ++i) text += line + "\n";
    Write(text, name);
  }
  sink_.held = true;
  Follow();
  ASSERT_TRUE(RunUntil(loop_, [&] { return !sink_.waiting.empty(); }));
  shipper_->Poke(kSpoolId);
  EXPECT_EQ(sink_.waiting.size(), 1U);
  sink_.held = false;
  auto [request, done] = std::move(sink_.waiting.front());
  sink_.Append(std::move(request), std::move(done));
  ASSERT_TRUE(ShipRest());
  for (const char* name : {"a.jsonl", "b.jsonl", "c.jsonl"}) {
    EXPECT_EQ(sink_.writers[name].data.size(), 3'000'000U);
  }
  EXPECT_LE(sink_.largest, kSpoolChunkBytes);
  EXPECT_THAT(std::vector<std::string>(sink_.order.begin() + 1, sink_.order.begin() + 5),
              testing::ElementsAre("a.jsonl", "b.jsonl", "c.jsonl", "a.jsonl"));
}

TEST_F(SpoolShipperTest, RefusalsAreToldInALogThatHasABound) {
  sink_.refused = {"the first\nsentence", std::string(5'000, 'y')};
  Write("one\n");
  Follow();
  ASSERT_TRUE(RunUntilHas("one\n"));
  const std::string log = directory_ / "logs/tracking_refused.log";
  ASSERT_TRUE(RunUntil(loop_, [&] { return std::filesystem::exists(log); }));
  EXPECT_THAT(ContentOf(log), HasSubstr("the first sentence\n"));
  EXPECT_LT(ContentOf(log).size(), 700U);
  std::filesystem::resize_file(log, 300'000);
  sink_.refused = {"one more"};
  Write("two\n");
  ASSERT_TRUE(RunUntilHas("one\ntwo\n"));
  ASSERT_TRUE(ShipRest());
  EXPECT_EQ(std::filesystem::file_size(log), 300'000U);
}

TEST_F(SpoolShipperTest, WhatIsNoLineIsPassedOver) {
  Write("one\n" + std::string(4'000'000, 'x') + "\ntwo\ncut off");
  Follow();
  ASSERT_TRUE(RunUntilHas("one\ntwo\n"));
  const auto size = std::filesystem::file_size(InTracking(kSpool));
  ASSERT_TRUE(ShipRest());
  EXPECT_EQ(sink_.writers[kSpool].next, size);
  const std::string told = ContentOf(directory_ / "logs/tracking_refused.log");
  EXPECT_THAT(told, HasSubstr("1,100,000 bytes"));
  EXPECT_THAT(told, HasSubstr("is cut off"));
}

TEST_F(SpoolShipperTest, WhatTheScriptSaidOfItsFailureIsThereForTheNextAgent) {
  sink_.script_failure = "diverged (E1)";
  Write("one\n");
  Follow();
  ASSERT_TRUE(RunUntilHas("one\n"));
  ASSERT_TRUE(RunUntil(loop_, [&] { return !std::filesystem::exists(InTracking(kSpool)); }))
      << "a spool that nobody writes to goes";
  EXPECT_FALSE(std::filesystem::exists(InTracking(kSpool) + ".ack"));
  sink_.script_failure.reset();
  StartAgain();
  ASSERT_TRUE(ShipRest());
  EXPECT_EQ(failure_, "diverged (E1)");
}

TEST_F(SpoolShipperTest, ASpoolThatIsOpenStays) {
  const int fd = ::open(InTracking(kSpool).c_str(), O_CREAT | O_APPEND | O_WRONLY, 0600);
  Follow();
  for (int i = 0; i < 20; ++i) {
    ASSERT_EQ(::write(fd, "line\n", 5), 5);
    ASSERT_TRUE(RunUntil(loop_, [&] { return sink_.writers[kSpool].next == 5U * (i + 1U); }));
    const auto later = std::chrono::steady_clock::now() + std::chrono::milliseconds(30);
    ASSERT_TRUE(RunUntil(loop_, [&] { return std::chrono::steady_clock::now() > later; }));
    ASSERT_TRUE(std::filesystem::exists(InTracking(kSpool)));
  }
  ::close(fd);
  ASSERT_TRUE(RunUntil(loop_, [&] { return !std::filesystem::exists(InTracking(kSpool)); }));
}

// Bytes that this process has read so far.
std::uint64_t BytesRead() {
  std::ifstream io("/proc/self/io");
  std::string word;
  std::uint64_t bytes = 0;
  io >> word >> bytes;
  EXPECT_EQ(word, "rchar:");
  return bytes;
}

TEST_F(SpoolShipperTest, LinesThatDoNotEndAreReadOnceHoweverOftenTheScriptPokes) {
  constexpr std::uint64_t kFiles = 30;
  constexpr std::uint64_t kBytes = 1 << 20;
  for (std::uint64_t i = 0; i < kFiles; ++i) {
    const std::string name = std::to_string(i) + ".jsonl";
    Write("", name);
    std::filesystem::resize_file(InTracking(name), kBytes);
  }
  const std::uint64_t before = BytesRead();
  Follow();
  EXPECT_LE(BytesRead() - before, 2 * kBytes) << "a turn reads one file";
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(300);
  ASSERT_TRUE(RunUntil(loop_, [&] {
    shipper_->Poke(kSpoolId);
    return std::chrono::steady_clock::now() > end;
  }));
  EXPECT_GE(BytesRead() - before, kFiles * kBytes);
  EXPECT_LE(BytesRead() - before, kFiles * kBytes + 2 * kBytes);
  EXPECT_EQ(sink_.appends, 0);
  Write("more", "7.jsonl");
  Write("\n", "7.jsonl");
  ASSERT_TRUE(RunUntilHas(std::string(kBytes, '\0') + "more\n", "7.jsonl"));
  EXPECT_LE(BytesRead() - before, kFiles * kBytes + 5 * kBytes);
}

TEST_F(SpoolShipperTest, MoreSpoolsThanAreLookedAtAtATimeAreShippedAtTheEnd) {
  SpoolShipperConfig few = QuickSpools();
  few.max_files = 5;
  few.rest = std::chrono::hours(1);
  shipper_ = std::make_unique<SpoolShipper>(loop_, sink_, few);
  shipper_->OnSession(true);
  for (int i = 0; i < 40; ++i) Write("one\n", "0-" + std::to_string(i) + "-f.jsonl");
  Follow();
  ASSERT_TRUE(RunUntil(loop_, [&] { return sink_.writers.size() == 5; }));
  ASSERT_TRUE(ShipRest());
  EXPECT_EQ(sink_.writers.size(), 40U);
  EXPECT_TRUE(std::filesystem::is_empty(directory_ / "tracking")) << "nothing is left of them";
}

TEST_F(SpoolShipperTest, NothingIsReadThroughLinksAndNobodyIsWaitedFor) {
  std::ofstream(directory_ / "secret.jsonl") << "stolen\n";
  std::filesystem::create_symlink(directory_ / "secret.jsonl", InTracking("link.jsonl"));
  std::filesystem::create_hard_link(directory_ / "secret.jsonl", InTracking("hard.jsonl"));
  std::filesystem::create_directory(InTracking("directory.jsonl"));
  ASSERT_EQ(::mkfifo(InTracking("fifo.jsonl").c_str(), 0600), 0);
  std::filesystem::create_directory(InTracking(std::string(kSpool) + ".ack"));
  Write("one\n");
  Follow();
  ASSERT_TRUE(ShipRest());
  EXPECT_EQ(sink_.writers.size(), 1U);
  EXPECT_EQ(sink_.writers[kSpool].data, "one\n");
}

TEST_F(SpoolShipperTest, WhatAServerRefusesOrNeverTakesIsGivenUpAtTheEnd) {
  Write("one\n");
  sink_.error = Error{ErrorCode::kNotFound, ErrorReason::kUnknownJob, "not on this node"};
  Follow();
  ASSERT_TRUE(ShipRest());
  EXPECT_EQ(sink_.appends, 1);
  shipper_->Forget(kSpoolId);
  sink_.error = Error{ErrorCode::kResourceExhausted, ErrorReason::kDiskReserve, "full"};
  Follow();
  ASSERT_TRUE(ShipRest());
  EXPECT_GT(sink_.appends, 5) << "tried for a while";
}

TEST_F(SpoolShipperTest, AnAttemptThatIsNotFollowedIsShippedAtOnce) {
  ASSERT_TRUE(ShipRest());
  shipper_->Poke(kSpoolId);
  shipper_->Forget(kSpoolId);
}

}  // namespace
}  // namespace muster::agent
