// In which order a stream writes what waits for a server that reads slowly.
#include "agent/session/session_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <semaphore>

#include "tests/unit/agent/fake_server.h"
#include "tests/unit/agent/loop_driver.h"

namespace muster::agent {
namespace {

constexpr std::uint32_t kParts = 5;

// More than a connection takes without somebody who reads.
std::vector<v1::Report> ReportInParts(std::uint64_t sequence) {
  std::vector<v1::Report> parts(kParts);
  for (std::uint32_t i = 0; i < kParts; ++i) {
    parts[i].set_sequence(sequence);
    parts[i].set_part(i);
    parts[i].set_more(i + 1 < kParts);
    parts[i].add_attempts()->set_last_log_lines(std::string(std::size_t{3} << 20, 'x'));
  }
  return parts;
}

v1::Heartbeat SentAt(std::int64_t sent_us) {
  v1::Heartbeat heartbeat;
  heartbeat.set_sent_us(sent_us);
  return heartbeat;
}

class SessionStreamTest : public testing::Test {
 protected:
  ~SessionStreamTest() override {
    if (!stream_) return;
    stream_->Cancel();
    EXPECT_TRUE(RunUntil(loop_, [this] { return done_; }));
  }

  void Open() {
    StreamEvents events;
    events.on_message = [this](const v1::ServerMessage&) {
      if (on_message_) on_message_();
    };
    events.on_done = [this](const grpc::Status&) { done_ = true; };
    stream_ =
        SessionStream::Open(loop_, v1::AgentService::NewStub(server_.Channel()), std::move(events));
    stream_->SendHello({});
  }

  FakeServer server_;
  boost::asio::io_context loop_;
  std::shared_ptr<SessionStream> stream_;
  std::function<void()> on_message_;
  bool done_ = false;
};

TEST_F(SessionStreamTest, ALongReportGetsThroughHoweverOftenItIsSentAgainMeanwhile) {
  std::binary_semaphore sent_again(0);
  std::vector<std::uint32_t> parts;
  server_.on_session = [&](auto& stream) {
    v1::AgentMessage message;
    while (parts.size() < 2 * kParts && stream.Read(&message)) {
      if (!message.has_report()) continue;
      parts.push_back(message.report().part());
      if (!message.report().more()) break;
      stream.Write(v1::ServerMessage());
      sent_again.acquire();
    }
    return grpc::Status::OK;
  };
  on_message_ = [&] {
    stream_->SendReport(ReportInParts(7));
    sent_again.release();
  };
  Open();
  stream_->SendReport(ReportInParts(7));
  ASSERT_TRUE(RunUntil(loop_, [this] { return done_; }));
  stream_.reset();
  EXPECT_THAT(parts, testing::ElementsAre(0, 1, 2, 3, 4));
}

TEST_F(SessionStreamTest, AHeartbeatWaitsForNoMoreThanTheFirstPartOfAReport) {
  std::vector<v1::AgentMessage::MessageCase> order;
  server_.on_session = [&](auto& stream) {
    v1::AgentMessage message;
    while (order.size() < 4 && stream.Read(&message)) order.push_back(message.message_case());
    return grpc::Status::OK;
  };
  Open();
  stream_->SendReport(ReportInParts(7));
  stream_->SendHeartbeat(SentAt(1));
  ASSERT_TRUE(RunUntil(loop_, [this] { return done_; }));
  stream_.reset();
  using Message = v1::AgentMessage;
  EXPECT_THAT(order, testing::ElementsAre(Message::kHello, Message::kReport, Message::kHeartbeat,
                                          Message::kReport));
}

TEST_F(SessionStreamTest, ANewerReportReplacesWhatIsLeftOfTheOneBefore) {
  std::vector<std::uint64_t> sequences;
  server_.on_session = [&](auto& stream) {
    v1::AgentMessage message;
    while (stream.Read(&message)) {
      if (!message.has_report()) continue;
      sequences.push_back(message.report().sequence());
      if (!message.report().more()) break;
    }
    return grpc::Status::OK;
  };
  Open();
  stream_->SendReport(ReportInParts(7));
  stream_->SendReport(ReportInParts(8));
  ASSERT_TRUE(RunUntil(loop_, [this] { return done_; }));
  stream_.reset();
  EXPECT_EQ(std::ranges::count(sequences, 8U), kParts);
  EXPECT_LE(std::ranges::count(sequences, 7U), 1);
}

}  // namespace
}  // namespace muster::agent
