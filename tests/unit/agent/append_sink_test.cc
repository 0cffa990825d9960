#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <string>
#include <vector>

#include "agent/session/grpc_append_sink.h"
#include "tests/unit/agent/fake_server.h"

namespace muster::agent {
namespace {

using testing::ElementsAre;

AppendRequest Part(const std::string& name, std::string data = "x") {
  return {AttemptId{JobId("digits_1790000000_0a1b2c3d"), 1}, name, 0, std::move(data)};
}

// A server that answers its first call when the test says so, and notes the sizes of all calls.
class AppendSinkTest : public testing::Test {
 protected:
  AppendSinkTest() {
    server_.on_append = [this](const v1::AppendRunFilesRequest& request,
                               v1::AppendRunFilesReply& reply) {
      calls_.push_back(request.parts_size());
      if (calls_.size() == 1) {
        arrived_.set_value();
        release_.get_future().wait();
      }
      for (const v1::RunFilePart& part : request.parts()) {
        v1::AppendedRunFile& answer = *reply.add_parts();
        answer.set_size_bytes(part.offset() + part.data().size());
        if (part.name() == "bad") {
          answer.set_error_code(static_cast<int>(grpc::StatusCode::OUT_OF_RANGE));
          answer.set_error_message("a gap");
        }
      }
      return whole_;
    };
  }

  std::future<Result<std::uint64_t>> Append(AppendRequest request) {
    auto answer = std::make_shared<std::promise<Result<std::uint64_t>>>();
    auto future = answer->get_future();
    sink_->Append(std::move(request),
                  [answer](Result<std::uint64_t> size) { answer->set_value(std::move(size)); });
    return future;
  }

  std::vector<int> calls_;
  std::promise<void> arrived_;
  std::promise<void> release_;
  grpc::Status whole_;
  FakeServer server_;
  ServerChannel channel_{server_.Channel()};
  std::unique_ptr<GrpcAppendSink> sink_ = std::make_unique<GrpcAppendSink>(channel_);
};

TEST_F(AppendSinkTest, WhatComesDuringACallGoesTogetherAndHasAnAnswerEach) {
  auto first = Append(Part("a"));
  arrived_.get_future().wait();
  auto second = Append(Part("b", "12"));
  auto bad = Append(Part("bad"));
  auto third = Append(Part("c", "123"));
  release_.set_value();
  EXPECT_EQ(first.get(), 1U);
  EXPECT_EQ(second.get(), 2U);
  EXPECT_EQ(bad.get().error().code, ErrorCode::kOutOfRange);
  EXPECT_EQ(third.get(), 3U);
  EXPECT_THAT(calls_, ElementsAre(1, 3));
}

TEST_F(AppendSinkTest, ACallHoldsAMebibyteAtMost) {
  auto first = Append(Part("a"));
  arrived_.get_future().wait();
  std::vector<std::future<Result<std::uint64_t>>> rest;
  for (int i = 0; i < 5; ++i) rest.push_back(Append(Part("b", std::string(300 << 10, 'b'))));
  release_.set_value();
  for (auto& answer : rest) EXPECT_EQ(answer.get(), std::uint64_t{300 << 10});
  EXPECT_THAT(calls_, ElementsAre(1, 3, 2));
}

TEST_F(AppendSinkTest, ARefusedCallIsTheAnswerOfAllItsParts) {
  whole_ = grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED, "full");
  auto first = Append(Part("a"));
  arrived_.get_future().wait();
  auto second = Append(Part("b"));
  release_.set_value();
  EXPECT_EQ(first.get().error().code, ErrorCode::kResourceExhausted);
  EXPECT_EQ(second.get().error().code, ErrorCode::kResourceExhausted);
}

TEST_F(AppendSinkTest, WhatIsLeftAtTheEndIsCancelled) {
  auto first = Append(Part("a"));
  arrived_.get_future().wait();
  auto second = Append(Part("b"));
  sink_.reset();
  EXPECT_EQ(first.get().error().code, ErrorCode::kCancelled);
  EXPECT_EQ(second.get().error().code, ErrorCode::kCancelled);
  release_.set_value();
}

}  // namespace
}  // namespace muster::agent
