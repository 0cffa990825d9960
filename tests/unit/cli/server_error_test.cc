#include "cli/server_error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "cli/backoff.h"
#include "cli/client.h"
#include "cli/config.h"
#include "muster/v1/common.pb.h"
#include "tests/unit/cli/scratch.h"

namespace muster::cli {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;

TEST(ExitCodes, TellApartWhoIsToBlame) {
  EXPECT_EQ(Failure(UsageError("x")).exit_code, ExitCode::kUsage);
  EXPECT_EQ(ExitCodeOf(grpc::OK), ExitCode::kOk);
  EXPECT_EQ(ExitCodeOf(grpc::UNAVAILABLE), ExitCode::kUnreachable);
  EXPECT_EQ(ExitCodeOf(grpc::DEADLINE_EXCEEDED), ExitCode::kUnreachable);
  for (const auto code : {grpc::INVALID_ARGUMENT, grpc::NOT_FOUND, grpc::ALREADY_EXISTS,
                          grpc::PERMISSION_DENIED, grpc::UNAUTHENTICATED, grpc::INTERNAL,
                          grpc::RESOURCE_EXHAUSTED, grpc::FAILED_PRECONDITION}) {
    EXPECT_EQ(ExitCodeOf(code), ExitCode::kRefused) << code;
  }
}

TEST(ServerError, AnUnreachableServerIsNamedWithTheCause) {
  const grpc::Status status(grpc::UNAVAILABLE,
                            "failed to connect to all addresses; last error: UNKNOWN: "
                            "ipv4:127.0.0.1:7677: Failed to connect to remote host: Connection "
                            "refused");
  const Failure failure = FailureOf(status, "127.0.0.1:7677");
  EXPECT_EQ(failure.exit_code, ExitCode::kUnreachable);
  EXPECT_THAT(failure.error.message,
              HasSubstr("cannot reach the server at 127.0.0.1:7677: Connection refused. Check"));
}

TEST(ServerError, TheCauseIsTheInnermostOne) {
  EXPECT_EQ(ConnectionCause("UNAVAILABLE: ipv4:1.2.3.4:5: recvmsg:Connection reset by peer"),
            "Connection reset by peer");
  EXPECT_EQ(ConnectionCause("Socket closed"), "Socket closed");
  EXPECT_EQ(ConnectionCause(""), "no answer");
}

TEST(ServerError, FaultsComeOneByOneAndNotTwice) {
  v1::ErrorDetail detail;
  detail.set_reason("INVALID_SPEC");
  v1::Fault& fault = *detail.add_faults();
  fault.set_field("node_count");
  fault.set_value("0");
  fault.set_message("must be 1..10,000");
  const grpc::Status status(grpc::INVALID_ARGUMENT,
                            "the job specification has a fault:\n  node_count: must be 1..10,000",
                            detail.SerializeAsString());
  const Failure failure = FailureOf(status, "s");
  EXPECT_EQ(failure.error.message, "the job specification has a fault:");
  EXPECT_EQ(failure.error.faults, (std::vector<Fault>{{"node_count", "0", "must be 1..10,000"}}));
  EXPECT_EQ(ReasonOf(status), "INVALID_SPEC");
  EXPECT_EQ(ReasonOf(grpc::Status(grpc::INTERNAL, "x", "\xff garbage")), "");
}

TEST(ServerError, OnlyAnAnswerEndsAStreamForGood) {
  EXPECT_TRUE(IsBreak(grpc::UNAVAILABLE));
  EXPECT_TRUE(IsBreak(grpc::RESOURCE_EXHAUSTED));
  EXPECT_FALSE(IsBreak(grpc::NOT_FOUND));
  EXPECT_FALSE(IsBreak(grpc::UNAUTHENTICATED));
  EXPECT_FALSE(IsBreak(grpc::OK));
}

TEST(Backoff, DoublesUpToTwoSecondsAndGivesUp) {
  SeededRandom random(1);
  Backoff backoff(seconds(10), random);
  SteadyPoint now{};
  Duration total{};
  Duration longest{};
  int tries = 0;
  while (const auto wait = backoff.After(now)) {
    EXPECT_LE(*wait, seconds(2));
    longest = std::max(longest, *wait);
    total += *wait;
    now += *wait;
    ++tries;
  }
  EXPECT_EQ(total, seconds(10));  // the last wait ends when patience does
  EXPECT_GE(longest, milliseconds(1500));
  EXPECT_GT(tries, 8);
  EXPECT_LT(tries, 16);
}

TEST(Backoff, StartsAnewAfterASuccess) {
  SeededRandom random(1);
  Backoff backoff(seconds(1), random);
  EXPECT_TRUE(backoff.After(SteadyPoint(seconds(0))));
  EXPECT_FALSE(backoff.After(SteadyPoint(seconds(1))));
  backoff.Reset();
  const auto wait = backoff.After(SteadyPoint(seconds(100)));
  ASSERT_TRUE(wait);
  EXPECT_LE(*wait, milliseconds(100));
}

TEST(RequestId, HasTheFormOfAUuidAndIsNewEachTime) {
  SystemRandom random;
  const std::string id = NewRequestId(random);
  EXPECT_THAT(id, testing::MatchesRegex("[0-9a-f]+-[0-9a-f]+-[0-9a-f]+-[0-9a-f]+-[0-9a-f]+"));
  EXPECT_EQ(id.size(), 36U);
  EXPECT_NE(id, NewRequestId(random));
}

TEST(Config, IsForItsOwnerAlone) {
  const Scratch scratch;
  const auto path = scratch.Path("new/dir/config.json");
  const Config config{"host:1", "vision", "id.secret", "-----BEGIN"};
  ASSERT_TRUE(SaveConfig(path, config));
  struct stat info {};
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
  const auto loaded = LoadConfig(path);
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->server, "host:1");
  EXPECT_EQ(loaded->workspace, "vision");
  EXPECT_EQ(loaded->token, "id.secret");
  chmod(path.c_str(), 0644);
  EXPECT_FALSE(LoadConfig(path));
}

TEST(Config, SaysWhatToDoWhenItIsMissingOrBroken) {
  const Scratch scratch;
  const auto missing = LoadConfig(scratch.Path("none.json"));
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().message, HasSubstr("muster login"));
  for (const char* text : {"", "[]", "{\"server\": 3}", "{\"server\": \"s\"}"}) {
    scratch.Write("c.json", text);
    chmod(scratch.Path("c.json").c_str(), 0600);
    const auto broken = LoadConfig(scratch.Path("c.json"));
    ASSERT_FALSE(broken) << text;
    EXPECT_THAT(broken.error().message, HasSubstr("muster login"));
  }
}

}  // namespace
}  // namespace muster::cli
