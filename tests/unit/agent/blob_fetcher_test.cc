#include "agent/session/blob_fetcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <future>
#include <thread>

#include "tests/unit/agent/fake_server.h"
#include "tests/unit/agent/temporary_directory.h"

namespace muster::agent {
namespace {

class BlobFetcherTest : public testing::Test {
 protected:
  BlobFetcherTest() {
    std::filesystem::create_directory(directory_ / "incoming");
    blobs_ = std::move(*storage::BlobStore::Open(directory_ / "blobs"));
    cache_ = std::make_unique<BlobCache>(
        *blobs_, [] { return std::set<muster::Digest>{}; },
        BlobCacheConfig{directory_.path(), directory_ / "incoming"});
    BlobFetcherConfig config;
    config.incoming_directory = directory_ / "incoming";
    config.max_bytes = 1 << 20;
    config.refusal_limit = std::chrono::milliseconds(50);
    config.backoff = {std::chrono::milliseconds(1), std::chrono::milliseconds(10)};
    fetcher_ = std::make_unique<BlobFetcher>(channel_, *cache_, stop_, config);
    for (int i = 0; content_.size() < 300'000; ++i) content_ += std::to_string(i) + "\n";
    server_.on_read_blob = [this](const auto& request, auto& writer) {
      return Send(request, writer, content_.size());
    };
  }
  // Before what its calls use is gone.
  ~BlobFetcherTest() override { server_.Stop(); }

  grpc::Status Send(const v1::ReadBlobRequest& request,
                    grpc::ServerWriter<v1::ReadBlobChunk>& writer, std::size_t end) {
    ++calls_;
    offsets_.push_back(request.offset());
    for (std::size_t at = request.offset(); at < end; at += 10'000) {
      v1::ReadBlobChunk chunk;
      chunk.set_data(content_.substr(at, std::min<std::size_t>(10'000, end - at)));
      writer.Write(chunk);
    }
    return grpc::Status::OK;
  }
  Result<std::string> Fetch() { return fetcher_->Fetch(Digest(), given_up_); }
  std::string Digest() const { return Sha256(content_).Hex(); }

  TemporaryDirectory directory_;
  FakeServer server_;
  ServerChannel channel_{server_.Channel()};
  StopSignal stop_;
  StopSignal given_up_;
  std::unique_ptr<storage::BlobStore> blobs_;
  std::unique_ptr<BlobCache> cache_;
  std::unique_ptr<BlobFetcher> fetcher_;
  std::string content_;
  std::atomic<int> calls_ = 0;
  std::vector<std::uint64_t> offsets_;
};

TEST_F(BlobFetcherTest, ABlobIsFetchedOnceAndThenHere) {
  for (int i = 0; i < 2; ++i) {
    const auto path = Fetch();
    ASSERT_TRUE(path) << path.error().message;
    EXPECT_EQ(std::filesystem::file_size(*path), content_.size());
  }
  EXPECT_EQ(calls_, 1);
  EXPECT_TRUE(std::filesystem::is_empty(directory_ / "incoming"));
}

TEST_F(BlobFetcherTest, ManyWhoWantItAtOnceShareOneTransfer) {
  std::vector<std::thread> threads;
  std::atomic<int> good = 0;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] { good += Fetch() ? 1 : 0; });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, 8);
  EXPECT_EQ(calls_, 1);
}

TEST_F(BlobFetcherTest, ABrokenTransferGoesOnWhereItEnded) {
  server_.on_read_blob = [this](const auto& request, auto& writer) {
    if (calls_ > 0) return Send(request, writer, content_.size());
    Send(request, writer, 120'000);
    return grpc::Status(grpc::StatusCode::UNAVAILABLE, "going down");
  };
  ASSERT_TRUE(Fetch());
  EXPECT_THAT(offsets_, testing::ElementsAre(0, 120'000));
}

TEST_F(BlobFetcherTest, WhatAFormerAgentHadFetchedIsNotFetchedAgain) {
  directory_.Write("incoming/" + Digest(), content_.substr(0, 50'000));
  ASSERT_TRUE(Fetch());
  EXPECT_THAT(offsets_, testing::ElementsAre(50'000));
}

TEST_F(BlobFetcherTest, OtherContentThanTheDigestSaysIsRefused) {
  const auto path = fetcher_->Fetch(Sha256("something else").Hex(), given_up_);
  ASSERT_FALSE(path);
  EXPECT_EQ(path.error().code, ErrorCode::kDataLoss);
  EXPECT_TRUE(std::filesystem::is_empty(directory_ / "incoming"));
}

TEST_F(BlobFetcherTest, AnUnknownBlobFailsAtOnce) {
  server_.on_read_blob = [](const auto&, auto&) {
    return grpc::Status(grpc::StatusCode::NOT_FOUND, "unknown blob");
  };
  const auto path = Fetch();
  ASSERT_FALSE(path);
  EXPECT_THAT(path.error().message, testing::HasSubstr("unknown blob"));
}

TEST_F(BlobFetcherTest, ABlobAboveTheLimitIsRefused) {
  content_ += std::string(1 << 20, 'x');
  const auto path = Fetch();
  ASSERT_FALSE(path);
  EXPECT_EQ(path.error().reason, ErrorReason::kTooLarge);
}

TEST_F(BlobFetcherTest, GivingUpEndsATransferThatHangsAndItsSuccessorGoesOnFromThere) {
  std::promise<void> begun;
  StopSignal released;
  server_.on_read_blob = [&](const auto& request, auto& writer) {
    if (calls_ > 0) return Send(request, writer, content_.size());
    Send(request, writer, 120'000);
    begun.set_value();
    released.SleepFor(std::chrono::seconds(30));
    return grpc::Status(grpc::StatusCode::UNAVAILABLE, "over");
  };
  auto first = std::async(std::launch::async, [&] { return Fetch(); });
  begun.get_future().wait();
  StopSignal others;
  auto second = std::async(std::launch::async, [&] { return fetcher_->Fetch(Digest(), others); });
  given_up_.Set();
  ASSERT_EQ(first.wait_for(std::chrono::seconds(10)), std::future_status::ready);
  const auto path = first.get();
  released.Set();
  ASSERT_FALSE(path);
  EXPECT_EQ(path.error().code, ErrorCode::kCancelled);
  EXPECT_TRUE(second.get());
  EXPECT_THAT(offsets_, testing::ElementsAre(0, testing::Le(120'000U)));
}

TEST_F(BlobFetcherTest, AWaiterThatIsGivenUpLeavesTheTransferToItsOwner) {
  std::promise<void> begun;
  StopSignal released;
  server_.on_read_blob = [&](const auto& request, auto& writer) {
    begun.set_value();
    released.SleepFor(std::chrono::seconds(30));
    return Send(request, writer, content_.size());
  };
  StopSignal owners;
  auto owner = std::async(std::launch::async, [&] { return fetcher_->Fetch(Digest(), owners); });
  begun.get_future().wait();
  auto waiter = std::async(std::launch::async, [&] { return Fetch(); });
  given_up_.Set();
  EXPECT_FALSE(waiter.get());
  released.Set();
  EXPECT_TRUE(owner.get());
}

TEST_F(BlobFetcherTest, AServerThatKeepsRefusingFailsTheFetch) {
  server_.on_read_blob = [](const auto&, auto&) {
    return grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED, "too many");
  };
  const auto path = Fetch();
  ASSERT_FALSE(path);
  EXPECT_THAT(path.error().message, testing::HasSubstr("too many"));
}

TEST_F(BlobFetcherTest, StoppingEndsTheWaitForAnAbsentServer) {
  server_.Stop();
  std::thread stopper([this] { stop_.Set(); });
  const auto path = Fetch();
  stopper.join();
  ASSERT_FALSE(path);
  EXPECT_EQ(path.error().code, ErrorCode::kCancelled);
}

}  // namespace
}  // namespace muster::agent
