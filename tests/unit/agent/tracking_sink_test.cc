#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <string>

#include "agent/session/grpc_tracking_sink.h"
#include "tests/unit/agent/fake_server.h"

namespace muster::agent {
namespace {

const AttemptId kCalledId{JobId("digits_1790000000_0a1b2c3d"), 3};

class TrackingSinkTest : public testing::Test {
 protected:
  std::future<Result<SpoolAnswer>> Append(SpoolRequest request) {
    auto answer = std::make_shared<std::promise<Result<SpoolAnswer>>>();
    sink_->Append(std::move(request),
                  [answer](Result<SpoolAnswer> result) { answer->set_value(std::move(result)); });
    return answer->get_future();
  }
  std::future<Result<std::string>> Call(const std::string& method, const std::string& json) {
    auto answer = std::make_shared<std::promise<Result<std::string>>>();
    sink_->Call({kCalledId, method, json},
                [answer](Result<std::string> result) { answer->set_value(std::move(result)); });
    return answer->get_future();
  }

  FakeServer server_;
  ServerChannel channel_{server_.Channel()};
  std::unique_ptr<GrpcTrackingSink> sink_ = std::make_unique<GrpcTrackingSink>(channel_);
};

TEST_F(TrackingSinkTest, APartAndItsAnswerArriveWhole) {
  v1::AppendTrackingRequest seen;
  server_.on_tracking = [&](const auto& request, auto& reply) {
    seen = request;
    reply.set_next_offset(112);
    reply.add_refused("why");
    reply.set_refused_count(40);
    reply.set_script_failure("");
    return grpc::Status::OK;
  };
  const auto answer = Append({kCalledId, "0-1-f.jsonl", 100, "\xff\n", 10}).get();
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->next_offset, 112U);
  EXPECT_THAT(answer->refused, testing::ElementsAre("why"));
  EXPECT_EQ(answer->refused_count, 40U);
  EXPECT_EQ(answer->script_failure, "");
  EXPECT_EQ(seen.job_id(), kCalledId.job.str());
  EXPECT_EQ(seen.attempt(), 3U);
  EXPECT_EQ(seen.writer(), "0-1-f.jsonl");
  EXPECT_EQ(seen.offset(), 100U);
  EXPECT_EQ(seen.data(), "\xff\n") << "any bytes";
  EXPECT_EQ(seen.skipped_bytes(), 10U);
}

TEST_F(TrackingSinkTest, ErrorsComeAsTheServerSaidThem) {
  server_.on_tracking = [](const auto&, auto&) {
    return grpc::Status(grpc::StatusCode::OUT_OF_RANGE, "a gap");
  };
  server_.on_call = [](const auto& request, auto& reply) {
    if (request.method() != "GetRun") {
      return grpc::Status(grpc::StatusCode::NOT_FOUND, "no " + request.method());
    }
    reply.set_reply_json(request.request_json());
    return grpc::Status::OK;
  };
  EXPECT_EQ(Append({kCalledId, "w", 5, "\n", 0}).get().error().code, ErrorCode::kOutOfRange);
  EXPECT_EQ(Call("GetRun", "{\"a\":1}").get(), "{\"a\":1}");
  const auto refused = Call("Else", "{}").get();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(refused.error().message, "no Else");
}

TEST_F(TrackingSinkTest, ItsEndEndsWhatIsUnderWay) {
  std::promise<void> arrived;
  std::promise<void> release;
  server_.on_call = [&](const auto&, auto&) {
    arrived.set_value();
    release.get_future().wait();
    return grpc::Status::OK;
  };
  auto waiting = Call("GetRun", "{}");
  arrived.get_future().wait();
  sink_.reset();
  EXPECT_EQ(waiting.get().error().code, ErrorCode::kCancelled);
  release.set_value();
}

}  // namespace
}  // namespace muster::agent
