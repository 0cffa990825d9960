// The sockets of an attempt, and what comes through them; uploads.
#include "agent/tracking/attempt_tracking.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/local/stream_protocol.hpp>
#include <filesystem>
#include <fstream>

#include "agent/tracking/call_line.h"
#include "tests/unit/agent/fake_sink.h"
#include "tests/unit/agent/fake_tracking_sink.h"
#include "tests/unit/agent/loop_driver.h"
#include "tests/unit/agent/temporary_directory.h"

namespace muster::agent {
namespace {

using testing::HasSubstr;

const AttemptId kTrackedId{JobId("digits_1_0a1b2c3d"), 1};

TEST(CallLines, AreOneObjectWithMethodAndRequest) {
  const auto call = ParseCall(R"({"method":"GetRun","request":{ "runId" : "r" },"more":1})");
  ASSERT_TRUE(call);
  EXPECT_EQ(call->method, "GetRun");
  EXPECT_EQ(call->request_json, R"({"runId":"r"})");
  for (const std::string line :
       {"", "null", "{", "[]", R"({"method":1,"request":{}})", R"({"method":"GetRun"})",
        R"({"method":"GetRun","request":[]})", "{\"method\":\"\xff\",\"request\":{}}"}) {
    EXPECT_EQ(ParseCall(line).error().code, ErrorCode::kInvalidArgument) << line;
  }
  EXPECT_THAT(ParseCall(std::string(1'000'000, '[')).error().message, HasSubstr("too deep"));
  EXPECT_EQ(ReplyLine("{}"), "{\"reply\":{}}\n");
  EXPECT_EQ(ErrorLine({ErrorCode::kNotFound, ErrorReason::kUnknownRun, "no \"\xff"}),
            "{\"error\":{\"code\":\"NOT_FOUND\",\"message\":\"no \\\"\xef\xbf\xbd\"}}\n");
}

class AttemptTrackingTest : public testing::Test {
 protected:
  AttemptTrackingTest() {
    for (const char* name : {"tracking", "tracking/files", "run", "logs"}) {
      std::filesystem::create_directory(directory_ / name);
    }
    tracking_.OnSession(true);
    tracking_.Follow(kTrackedId, {directory_.path(), std::nullopt}, true);
  }
  ~AttemptTrackingTest() override { tracking_.Forget(kTrackedId); }

  sockaddr_un AddressOf(const std::string& name) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = directory_ / ("tracking/" + name);
    path.copy(address.sun_path, sizeof(address.sun_path) - 1);
    return address;
  }
  UniqueFd Connect(const std::string& name, int type) {
    UniqueFd fd(::socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const sockaddr_un address = AddressOf(name);
    EXPECT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    return fd;
  }
  static void Send(const UniqueFd& fd, const std::string& text) {
    ASSERT_EQ(::send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(text.size()));
  }
  // The next line; "closed" if the connection has ended.
  std::string Line(const UniqueFd& fd) {
    std::string line;
    EXPECT_TRUE(RunUntil(loop_, [&] {
      char c = 0;
      ssize_t got = 0;
      while ((got = ::recv(fd.get(), &c, 1, 0)) == 1) {
        if (c == '\n') return true;
        line += c;
      }
      if (got == 0) line = "closed";
      return got == 0;
    }));
    return line;
  }
  static std::string Ask(const std::string& method) {
    return "{\"method\":\"" + method + "\",\"request\":{}}\n";
  }

  boost::asio::io_context loop_;
  TemporaryDirectory directory_;
  FakeTrackingSink sink_;
  FakeSink files_;
  AttemptTracking tracking_{loop_, sink_, files_, NodeId("n")};
};

TEST_F(AttemptTrackingTest, SocketsAreTheOwnersAlone) {
  for (const char* name : {"poke", "rpc"}) {
    struct stat info {};
    ASSERT_EQ(::stat((directory_ / ("tracking/" + std::string(name))).c_str(), &info), 0);
    EXPECT_TRUE(S_ISSOCK(info.st_mode));
    EXPECT_EQ(info.st_mode & 0777, 0600U);
  }
}

TEST_F(AttemptTrackingTest, APokeBringsLinesAtOnce) {
  const UniqueFd poke = Connect("poke", SOCK_DGRAM);
  const auto began = std::chrono::steady_clock::now();
  std::string all;
  for (int i = 0; i < 6; ++i) {
    std::ofstream(directory_ / "tracking/0-1-f.jsonl", std::ios::app) << "one\n";
    all += "one\n";
    ::send(poke.get(), "", 0, 0);
    ASSERT_TRUE(RunUntil(loop_, [&] { return sink_.writers["0-1-f.jsonl"].data == all; }));
  }
  // Without pokes it would be a second for each.
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(4));
}

TEST_F(AttemptTrackingTest, CallsAreAnsweredOneAfterTheOther) {
  sink_.on_call = [](const CallRequest& request) -> Result<std::string> {
    if (request.method == "GetRun") return "{\"run\":{}}";
    return Fail(ErrorCode::kNotFound, ErrorReason::kUnknownRun, "not there");
  };
  const UniqueFd calls = Connect("rpc", SOCK_STREAM);
  Send(calls, Ask("GetRun") + Ask("GetJob") + "nonsense\n" + Ask("GetRun"));
  EXPECT_EQ(Line(calls), R"({"reply":{"run":{}}})");
  EXPECT_EQ(Line(calls), R"({"error":{"code":"NOT_FOUND","message":"not there"}})");
  EXPECT_THAT(Line(calls), HasSubstr("INVALID_ARGUMENT"));
  EXPECT_EQ(Line(calls), R"({"reply":{"run":{}}})");
  ASSERT_EQ(sink_.calls.size(), 3U);
  EXPECT_EQ(sink_.calls[0].attempt, kTrackedId);
}

TEST_F(AttemptTrackingTest, ALineThatNeverEndsClosesItsConnection) {
  const UniqueFd calls = Connect("rpc", SOCK_STREAM);
  const std::string part(64 << 10, 'x');
  bool closed = false;
  ASSERT_TRUE(RunUntil(loop_, [&] {
    const ssize_t sent = ::send(calls.get(), part.data(), part.size(), MSG_NOSIGNAL);
    closed = sent < 0 && errno == EPIPE;
    return closed;
  }));
}

TEST_F(AttemptTrackingTest, ConnectionsAndCallsHaveBounds) {
  sink_.held = true;
  std::vector<UniqueFd> connections;
  for (int i = 0; i < 12; ++i) {
    connections.push_back(Connect("rpc", SOCK_STREAM));
    Send(connections.back(), Ask("GetRun"));
  }
  ASSERT_TRUE(RunUntil(loop_, [&] { return sink_.waiting_calls.size() == 2; }));
  for (int i = 0; i < 50; ++i) loop_.poll_one();
  EXPECT_EQ(sink_.waiting_calls.size(), 2U);
  sink_.held = false;
  for (const auto& done : std::exchange(sink_.waiting_calls, {})) done("{}");
  for (int i = 0; i < 12; ++i) {
    EXPECT_EQ(Line(connections[static_cast<std::size_t>(i)]), R"({"reply":{}})");
    connections[static_cast<std::size_t>(i)].Reset();  // makes room for one that waits
  }
}

TEST_F(AttemptTrackingTest, TheNextAgentTakesTheSocketsOver) {
  tracking_.Forget(kTrackedId);
  tracking_.Follow(kTrackedId, {directory_.path(), std::nullopt}, true);
  const UniqueFd calls = Connect("rpc", SOCK_STREAM);
  Send(calls, Ask("GetRun"));
  EXPECT_EQ(Line(calls), R"({"reply":{}})");
}

TEST_F(AttemptTrackingTest, UploadsAreShippedByTheirNamesBelowFiles) {
  const auto files = std::filesystem::path(directory_ / "tracking/files");
  std::filesystem::create_directories(files / "plots/a");
  std::ofstream(files / "plots/a/loss.txt") << "falling";
  std::ofstream(files / "model.bin") << "m";
  std::ofstream(files / "empty");
  std::ofstream(files / ".tmp-1") << "half";
  std::ofstream(directory_ / "secret") << "stolen";
  std::filesystem::create_symlink(directory_ / "secret", files / "link");
  std::filesystem::create_directory_symlink(directory_.path(), files / "up");
  bool shipped = false;
  tracking_.ShipRest(kTrackedId, [&](const auto&) { shipped = true; });
  ASSERT_TRUE(RunUntil(loop_, [&] { return shipped; }));
  EXPECT_EQ(files_.files, (std::map<std::string, std::string>{
                              {"plots/a/loss.txt", "falling"}, {"model.bin", "m"}, {"empty", ""}}));
}

}  // namespace
}  // namespace muster::agent
