// base/: digests, errors, time and log fields.
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>

#include "base/boxed.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/ids.h"
#include "base/log.h"
#include "base/log_gate.h"
#include "base/random.h"
#include "base/result.h"
#include "base/time.h"

namespace muster {
namespace {

TEST(StrongId, CopiesShareOneTextAndCompareByIt) {
  const NodeId first("n1");
  const NodeId copy = first;
  EXPECT_EQ(&copy.str(), &first.str());
  EXPECT_EQ(NodeId(std::string("n1")), first);
  EXPECT_LT(first, NodeId("n2"));
  EXPECT_LT(NodeId(), first);
  EXPECT_EQ(NodeId(""), NodeId());
  NodeId moved = first;
  const NodeId taken = std::move(moved);
  EXPECT_EQ(taken, first);
  EXPECT_TRUE(moved.empty());  // NOLINT(bugprone-use-after-move): that is its contract
  static_assert(sizeof(NodeId) == sizeof(void*));
}

TEST(Boxed, IsAnOptionalWithDeepCopies) {
  Boxed<std::string> box;
  EXPECT_FALSE(box);
  EXPECT_EQ(box.AsOptional(), std::nullopt);
  box = std::optional<std::string>("cause");
  Boxed<std::string> copy = box;
  EXPECT_EQ(copy, box);
  EXPECT_NE(&*copy, &*box);
  box = std::optional<std::string>();
  EXPECT_NE(copy, box);
  EXPECT_EQ(copy->size(), 5U);
}

TEST(Digest, KnownAnswerOfSha256) {
  EXPECT_EQ(Sha256("abc").Hex(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  Hasher hasher;
  hasher.Update("a");
  hasher.Update("bc");
  EXPECT_EQ(hasher.Finish(), Sha256("abc"));
}

TEST(Digest, KnownAnswerOfHmac) {  // RFC 4231, test case 2
  EXPECT_EQ(HmacSha256("Jefe", "what do ya want for nothing?").Hex(),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST(Digest, ParsesOnly64LowerCaseHexCharacters) {
  const std::string hex = Sha256("x").Hex();
  EXPECT_EQ(Digest::Parse(hex), Sha256("x"));
  EXPECT_EQ(Digest::Parse(hex.substr(1)), std::nullopt);
  EXPECT_EQ(Digest::Parse(hex + "0"), std::nullopt);
  std::string upper = hex;
  upper[0] = 'A';
  EXPECT_EQ(Digest::Parse(upper), std::nullopt);
  EXPECT_EQ(Digest::Parse(std::string(64, 'g')), std::nullopt);
}

TEST(Digest, ConstantTimeComparisonComparesAllBytes) {
  EXPECT_TRUE(EqualConstantTime("secret", "secret"));
  EXPECT_FALSE(EqualConstantTime("secret", "secreT"));
  EXPECT_FALSE(EqualConstantTime("secret", "secre"));
  EXPECT_TRUE(EqualConstantTime("", ""));
}

TEST(Error, EveryCodeAndReasonHasANameOfItsOwn) {
  std::set<std::string_view> names;
  for (int code = 0; code <= static_cast<int>(ErrorCode::kUnauthenticated); ++code) {
    EXPECT_TRUE(names.insert(CodeName(static_cast<ErrorCode>(code))).second);
  }
  names.clear();
  for (int reason = 0; reason <= static_cast<int>(ErrorReason::kLaunch); ++reason) {
    EXPECT_TRUE(names.insert(ReasonName(static_cast<ErrorReason>(reason))).second);
  }
}

TEST(Error, InvalidSpecListsEveryFault) {
  const Error error =
      InvalidSpec({{"spec.pool", "x", "no pool 'x'"}, {"spec.script", "", "missing"}});
  EXPECT_EQ(error.code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(
      error.message,
      "the job specification has 2 faults:\n  spec.pool: no pool 'x'\n  spec.script: missing");
}

Result<int> Half(int value) {
  if (value % 2 != 0) {
    return Fail(ErrorCode::kInvalidArgument, ErrorReason::kUnspecified, "odd");
  }
  return value / 2;
}
Result<int> Quarter(int value) {
  MUSTER_ASSIGN(const int half, Half(value));
  return Half(half);
}

TEST(Result, TheFirstErrorIsReturned) {
  EXPECT_EQ(Quarter(8), 2);
  EXPECT_EQ(Quarter(6).error().message, "odd");
  EXPECT_EQ(Quarter(3).error().message, "odd");
}

TEST(Time, FormatsForPeople) {
  EXPECT_EQ(FormatUtc(FromMicros(1'790'000'000'123'456)), "2026-09-21T14:13:20.123Z");
  EXPECT_EQ(FormatDuration(std::chrono::milliseconds(850)), "850 ms");
  EXPECT_EQ(FormatDuration(std::chrono::milliseconds(12'340)), "12.3 s");
  EXPECT_EQ(FormatDuration(std::chrono::seconds(245)), "4 min 5 s");
  EXPECT_EQ(FormatDuration(std::chrono::minutes(192)), "3 h 12 min");
}

TEST(Random, SameSeedSameSequenceAndHexHasTheAskedLength) {
  SeededRandom one(7);
  SeededRandom two(7);
  EXPECT_EQ(one.Hex(13), two.Hex(13));
  EXPECT_EQ(SystemRandom().Hex(4).size(), 8u);
}

TEST(Ids, AttemptsSortByJobThenNumber) {
  EXPECT_LT((AttemptId{JobId("a"), 2}), (AttemptId{JobId("b"), 1}));
  EXPECT_LT((AttemptId{JobId("a"), 1}), (AttemptId{JobId("a"), 2}));
  EXPECT_EQ(ToString(AttemptId{JobId("a"), 3}), "a/3");
}

TEST(Log, WritesOneLineWithQuotedValues) {
  testing::internal::CaptureStderr();
  InitLog("test", LogLevel::kInfo);
  Log(LogLevel::kDebug, "hidden");
  Log(LogLevel::kInfo, "greeting", {{"plain", "x"}, {"quoted", "a \"b\"\nc"}, {"number", 7}});
  const std::string text = testing::internal::GetCapturedStderr();
  EXPECT_EQ(text.find("hidden"), std::string::npos);
  EXPECT_NE(text.find("event=greeting plain=x quoted=\"a \\\"b\\\"\\nc\" number=7\n"),
            std::string::npos)
      << text;
}

TEST(LogGate, LetsOneLineThroughAnIntervalAndCountsTheOthers) {
  LogGate gate(std::chrono::seconds(1));
  const SteadyPoint start{std::chrono::hours(1)};
  EXPECT_EQ(gate.Pass(start), 0);
  EXPECT_EQ(gate.Pass(start), std::nullopt);
  EXPECT_EQ(gate.Pass(start + std::chrono::milliseconds(999)), std::nullopt);
  EXPECT_EQ(gate.Pass(start + std::chrono::seconds(1)), 2);
  EXPECT_EQ(gate.Pass(start + std::chrono::seconds(2)), 0);
}

// In a process of its own: the log, and stderr with it, are the process's.
TEST(Log, AFileTakesStderrTooAndIsRotated) {
  std::string directory = "/tmp/muster-log-XXXXXX";
  ASSERT_NE(mkdtemp(directory.data()), nullptr);
  const std::string path = directory + "/daemon.log";
  const auto write_much = [&] {
    if (!InitLogFile("daemon", LogLevel::kInfo, path)) _exit(1);
    const std::string text(1000, 'x');
    for (int i = 0; i < 40'000; ++i) Log(LogLevel::kInfo, "much", {{"text", text}});
    std::fprintf(stderr, "an abort's last words\n");
    _exit(0);
  };
  EXPECT_EXIT(write_much(), testing::ExitedWithCode(0), "");
  std::uintmax_t total = 0;
  for (const char* name : {"/daemon.log", "/daemon.1.log", "/daemon.2.log"}) {
    const std::uintmax_t size = std::filesystem::file_size(directory + name);
    EXPECT_LE(size, kLogFileMaxBytes + 100);
    total += size;
  }
  EXPECT_GT(total, 40'000'000U);
  std::ifstream file(path);
  std::string last;
  for (std::string line; std::getline(file, line);) last = line;
  EXPECT_EQ(last, "an abort's last words");
  EXPECT_FALSE(InitLogFile("daemon", LogLevel::kInfo, path + "/below_a_file.log"));
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace muster
