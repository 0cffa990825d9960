#include "agent/session/session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "base/log.h"
#include "tests/unit/agent/fake_server.h"
#include "tests/unit/agent/loop_driver.h"

namespace muster::agent {
namespace {

v1::ServerMessage Welcome(std::int64_t interval_ms) {
  v1::ServerMessage message;
  message.mutable_welcome()->set_epoch(3);
  message.mutable_welcome()->set_heartbeat_interval_ms(interval_ms);
  return message;
}

class SessionTest : public testing::Test {
 protected:
  SessionTest() {
    config_.node = NodeId("n");
    config_.facts.set_host_name("host");
    config_.backoff = {std::chrono::milliseconds(5), std::chrono::milliseconds(50)};
    events_.on_opened = [this] { ++opened_; };
    events_.on_closed = [this] { ++closed_; };
    events_.on_desired = [this](const Desired& desired) { desired_.push_back(desired); };
    events_.on_report_ack = [this](std::uint64_t sequence) { acked_ = sequence; };
    events_.on_heartbeat_ack = [this](SteadyPoint sent) { beats_.push_back(sent); };
    events_.on_goodbye = [this](Duration extension) { extension_ = extension; };
  }
  ~SessionTest() override { EXPECT_TRUE(Stop()); }

  void StartSession() {
    session_ = std::make_unique<Session>(loop_, channel_, config_, events_, random_);
    session_->Start();
  }
  testing::AssertionResult Stop() {
    if (!session_ || stopped_) return testing::AssertionSuccess();
    session_->Stop([this] { stopped_ = true; });
    return RunUntil(loop_, [this] { return stopped_; });
  }

  // Welcomes, then acknowledges whatever comes until the agent goes.
  grpc::Status Serve(FakeServer::SessionStream& stream, std::int64_t interval_ms) {
    v1::AgentMessage message;
    if (!stream.Read(&message) || !message.has_hello()) return grpc::Status::CANCELLED;
    ++hellos_;
    stream.Write(Welcome(interval_ms));
    while (stream.Read(&message)) {
      v1::ServerMessage answer;
      if (message.has_heartbeat()) {
        answer.mutable_heartbeat_ack()->set_sent_us(message.heartbeat().sent_us());
      } else if (message.has_report()) {
        answer.mutable_report_ack()->set_sequence(message.report().sequence());
      }
      stream.Write(answer);
    }
    return grpc::Status::OK;
  }

  FakeServer server_;
  ServerChannel channel_{server_.Channel()};
  boost::asio::io_context loop_;
  SeededRandom random_{1};
  SessionConfig config_;
  SessionEvents events_;
  std::unique_ptr<Session> session_;
  bool stopped_ = false;
  int opened_ = 0;
  int closed_ = 0;
  std::atomic<int> hellos_ = 0;
  std::uint64_t acked_ = 0;
  Duration extension_{};
  std::vector<Desired> desired_;
  std::vector<SteadyPoint> beats_;
};

TEST_F(SessionTest, HeartbeatsComeAtTheServersPace) {
  server_.on_session = [this](auto& stream) { return Serve(stream, 20); };
  StartSession();
  ASSERT_TRUE(RunUntil(loop_, [&] { return beats_.size() >= 5; }));
  EXPECT_EQ(opened_, 1);
  for (std::size_t i = 1; i < beats_.size(); ++i) {
    EXPECT_GE(beats_[i] - beats_[i - 1], std::chrono::milliseconds(19));
  }
}

TEST_F(SessionTest, AReportIsAcknowledged) {
  server_.on_session = [this](auto& stream) { return Serve(stream, 1000); };
  StartSession();
  ASSERT_TRUE(RunUntil(loop_, [&] { return opened_ == 1; }));
  Report report;
  report.sequence = 9;
  session_->SendReport(report);
  ASSERT_TRUE(RunUntil(loop_, [&] { return acked_ == 9; }));
}

// As many nodes as a gang may have, each with a long list of words for its orted.
TEST_F(SessionTest, AReportThatIsTooLargeForAMessageComesInParts) {
  static constexpr std::size_t kServerTakesBytes = std::size_t{4} << 20;
  std::vector<v1::Report> parts;
  server_.on_session = [&parts](auto& stream) {
    v1::AgentMessage message;
    stream.Read(&message);
    stream.Write(Welcome(1000));
    while (stream.Read(&message)) {
      if (!message.has_report()) continue;
      EXPECT_LT(message.ByteSizeLong(), kServerTakesBytes);
      parts.push_back(message.report());
      if (message.report().more()) continue;
      v1::ServerMessage answer;
      answer.mutable_report_ack()->set_sequence(message.report().sequence());
      stream.Write(answer);
    }
    return grpc::Status::OK;
  };
  StartSession();
  ASSERT_TRUE(RunUntil(loop_, [&] { return opened_ == 1; }));
  Report report;
  report.sequence = 9;
  report.attempts.resize(3);
  for (std::uint32_t i = 0; i < 3; ++i) report.attempts[i].id = {JobId("j"), i + 1};
  for (std::uint64_t id = 0; id < 10'000; ++id) {
    report.attempts[1].daemon_requests.push_back(
        {id, NodeId("n" + std::to_string(id)), {"orted", std::string(1'000, 'x')}});
  }
  session_->SendReport(report);
  ASSERT_TRUE(RunUntil(loop_, [&] { return acked_ == 9; }));
  ASSERT_EQ(parts.size(), 5U);
  std::uint64_t next = 0;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    EXPECT_EQ(parts[i].part(), i);
    EXPECT_EQ(parts[i].sequence(), 9U);
    EXPECT_EQ(parts[i].more(), i + 1 < parts.size());
    for (const v1::ObservedAttempt& attempt : parts[i].attempts()) {
      for (const v1::DaemonRequest& request : attempt.daemon_requests()) {
        EXPECT_EQ(request.id(), next++);
      }
    }
  }
  EXPECT_EQ(next, 10'000U);
  EXPECT_EQ(parts.back().attempts().rbegin()->attempt(), 3U);
}

TEST_F(SessionTest, AServerThatComesBackFindsTheAgentAgain) {
  server_.on_session = [this](auto& stream) { return Serve(stream, 20); };
  StartSession();
  ASSERT_TRUE(RunUntil(loop_, [&] { return opened_ == 1; }));
  server_.Stop();
  ASSERT_TRUE(RunUntil(loop_, [&] { return closed_ == 1; }));
  server_.Start();
  ASSERT_TRUE(RunUntil(loop_, [&] { return opened_ == 2; }));
  EXPECT_EQ(hellos_, 2);
}

TEST_F(SessionTest, LevelsAndGoodbyesReachTheAgent) {
  server_.on_session = [](auto& stream) {
    v1::AgentMessage message;
    stream.Read(&message);
    stream.Write(Welcome(1000));
    v1::ServerMessage level;
    level.mutable_desired()->set_epoch(3);
    level.mutable_desired()->set_version(4);
    auto& attempt = *level.mutable_desired()->add_attempts();
    attempt.set_job_id("j_1_0a1b2c3d");
    attempt.set_attempt(2);
    attempt.set_phase(v1::DESIRED_PHASE_TERMINATE);
    attempt.set_grace_period_ms(1500);
    stream.Write(level);
    v1::ServerMessage goodbye;
    goodbye.mutable_goodbye()->set_lease_extension_ms(60'000);
    stream.Write(goodbye);
    while (stream.Read(&message)) continue;
    return grpc::Status::OK;
  };
  StartSession();
  ASSERT_TRUE(RunUntil(loop_, [&] { return extension_ == std::chrono::minutes(1); }));
  ASSERT_EQ(desired_.size(), 1U);
  EXPECT_EQ(desired_[0].version, 4U);
  ASSERT_EQ(desired_[0].attempts.size(), 1U);
  EXPECT_EQ(desired_[0].attempts[0].phase, DesiredPhase::kTerminate);
  EXPECT_EQ(desired_[0].attempts[0].grace_period, std::chrono::milliseconds(1500));
  EXPECT_EQ(desired_[0].attempts[0].task, nullptr);
}

TEST_F(SessionTest, AQuestionAboutPathsIsAnsweredOnItsOwnStreamAlone) {
  std::atomic<int> streams = 0;
  std::vector<v1::PathsChecked> answers;
  std::atomic<int> answered = 0;
  server_.on_session = [&](auto& stream) {
    const int number = ++streams;
    v1::AgentMessage message;
    stream.Read(&message);
    stream.Write(Welcome(1000));
    v1::ServerMessage question;
    question.mutable_check_paths()->set_id(7);
    question.mutable_check_paths()->add_paths("/data/" + std::to_string(number));
    stream.Write(question);
    while (stream.Read(&message)) {
      if (!message.has_paths_checked()) continue;
      answers.push_back(message.paths_checked());
      ++answered;
    }
    return grpc::Status::OK;
  };
  std::vector<std::function<void(v1::PathsChecked)>> askers;
  std::vector<v1::PathsChecked> found;
  events_.on_check_paths = [&](const v1::CheckPaths& question, auto answer) {
    askers.push_back(std::move(answer));
    found.emplace_back().set_id(question.id());
    found.back().add_missing(question.paths(0));
  };
  StartSession();
  ASSERT_TRUE(RunUntil(loop_, [&] { return askers.size() == 1; }));
  session_->Reconnect();
  ASSERT_TRUE(RunUntil(loop_, [&] { return askers.size() == 2; }));
  askers[0](found[0]);  // the look took longer than the stream lived
  askers[1](found[1]);
  ASSERT_TRUE(RunUntil(loop_, [&] { return answered == 1; }));
  ASSERT_TRUE(Stop());
  server_.Stop();
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers[0].id(), 7U);
  EXPECT_EQ(answers[0].missing(0), "/data/2");
}

TEST_F(SessionTest, AServerThatSaysNothingIsLeft) {
  config_.welcome_timeout = std::chrono::milliseconds(30);
  server_.on_session = [this](auto& stream) {
    v1::AgentMessage message;
    if (stream.Read(&message)) ++hellos_;
    while (stream.Read(&message)) continue;
    return grpc::Status::OK;
  };
  StartSession();
  ASSERT_TRUE(RunUntil(loop_, [&] { return hellos_ >= 3; }));
  EXPECT_EQ(opened_, 0);
  EXPECT_EQ(closed_, 0);
}

TEST_F(SessionTest, ARenewedCertificateMeansANewStream) {
  server_.on_session = [this](auto& stream) { return Serve(stream, 1000); };
  StartSession();
  ASSERT_TRUE(RunUntil(loop_, [&] { return opened_ == 1; }));
  session_->Reconnect();
  ASSERT_TRUE(RunUntil(loop_, [&] { return opened_ == 2; }));
}

TEST_F(SessionTest, ARefusedCertificateIsSaidOnceAndStoppingIsQuickAllTheSame) {
  std::atomic<int> calls = 0;
  server_.on_session = [&](auto&) {
    ++calls;
    return grpc::Status(grpc::StatusCode::UNAUTHENTICATED, "not (or no longer) a node");
  };
  testing::internal::CaptureStderr();
  InitLog("session_test", LogLevel::kInfo);
  StartSession();
  const auto tried = RunUntil(loop_, [&] { return calls >= 5; });
  const auto stopped = Stop();
  const std::string log = testing::internal::GetCapturedStderr();
  ASSERT_TRUE(tried);
  EXPECT_TRUE(stopped);
  const std::size_t first = log.find("UNAUTHENTICATED");
  ASSERT_NE(first, std::string::npos) << log;
  EXPECT_EQ(log.find("UNAUTHENTICATED", first + 1), std::string::npos) << log;
  EXPECT_THAT(log, testing::HasSubstr("not (or no longer) a node"));
  EXPECT_THAT(log, testing::HasSubstr("join again"));
}

TEST_F(SessionTest, StoppingWhileTheServerIsAwayIsQuick) {
  server_.Stop();
  StartSession();
  loop_.run_for(std::chrono::milliseconds(20));
  EXPECT_TRUE(Stop());
}

}  // namespace
}  // namespace muster::agent
