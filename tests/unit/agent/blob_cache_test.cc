#include "agent/session/blob_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>

#include "muster/v1/agent.pb.h"
#include "tests/unit/agent/temporary_directory.h"

namespace muster::agent {
namespace {

class BlobCacheTest : public testing::Test {
 protected:
  BlobCacheTest() {
    std::filesystem::create_directory(directory_ / "incoming");
    blobs_ = std::move(*storage::BlobStore::Open(directory_ / "blobs"));
  }

  BlobCache Cache(std::uint64_t max_bytes, std::uint64_t reserve_bytes = 0) {
    return BlobCache(*blobs_,
                     [this] {
                       if (while_planning_) while_planning_();
                       return held_;
                     },
                     {directory_.path(), directory_ / "incoming", max_bytes, reserve_bytes});
  }

  // 1,000 bytes; the first put counts as the least recently used.
  Digest Put(char fill) {
    const std::string content(1000, fill);
    const Digest digest = Sha256(content);
    auto writer = std::move(*blobs_->Create(digest, content.size()));
    EXPECT_TRUE(writer->Append(content));
    EXPECT_TRUE(writer->Commit());
    std::filesystem::last_write_time(
        blobs_->PathOf(digest),
        std::filesystem::file_time_type::clock::now() - std::chrono::hours(1000 - ++puts_));
    return digest;
  }
  std::string Here(const std::vector<Digest>& digests) const {
    std::string here;
    for (const Digest& digest : digests) here += blobs_->Has(digest) ? '1' : '0';
    return here;
  }

  TemporaryDirectory directory_;
  std::unique_ptr<storage::BlobStore> blobs_;
  std::set<Digest> held_;
  std::function<void()> while_planning_;
  int puts_ = 0;
};

TEST_F(BlobCacheTest, TheLeastRecentlyUsedGoUntilTheQuotaHolds) {
  const std::vector<Digest> all{Put('a'), Put('b'), Put('c'), Put('d')};
  BlobCache cache = Cache(2000);
  { const auto used = cache.Use(all[0]); }
  cache.Trim();
  EXPECT_EQ(Here(all), "1001");
  cache.Trim();
  EXPECT_EQ(Here(all), "1001");
}

TEST_F(BlobCacheTest, WhatAnAttemptNamesStaysWhateverTheQuota) {
  const std::vector<Digest> all{Put('a'), Put('b')};
  held_ = {all[0]};
  Cache(0).Trim();
  EXPECT_EQ(Here(all), "10");
}

TEST_F(BlobCacheTest, ALowDiskTakesAllThatNobodyNames) {
  const std::vector<Digest> all{Put('a'), Put('b')};
  held_ = {all[1]};
  Cache(1 << 20, 1ULL << 60).Trim();
  EXPECT_EQ(Here(all), "01");
}

TEST_F(BlobCacheTest, AStagingThatBeginsWhileATrimIsPlannedKeepsItsBlob) {
  const std::vector<Digest> all{Put('a'), Put('b')};
  BlobCache cache = Cache(0);
  BlobCache::Pin pin;
  while_planning_ = [&] { pin = cache.Use(all[0]); };
  cache.Trim();
  EXPECT_EQ(Here(all), "10");
  while_planning_ = nullptr;
  pin.reset();
  cache.Trim();
  EXPECT_EQ(Here(all), "00");
}

TEST_F(BlobCacheTest, TransfersThatNobodyWaitsForGo) {
  const std::string wanted = Sha256("wanted").Hex();
  const std::string running = Sha256("running").Hex();
  const std::string stale = Sha256("stale").Hex();
  for (const std::string& name : {wanted, running, stale}) {
    directory_.Write("incoming/" + name, "part");
  }
  held_ = {Sha256("wanted")};
  BlobCache cache = Cache(1 << 20);
  const auto pin = cache.Use(Sha256("running"));
  cache.Trim();
  EXPECT_TRUE(std::filesystem::exists(directory_ / ("incoming/" + wanted)));
  EXPECT_TRUE(std::filesystem::exists(directory_ / ("incoming/" + running)));
  EXPECT_FALSE(std::filesystem::exists(directory_ / ("incoming/" + stale)));
}

TEST_F(BlobCacheTest, TheLedgersRecordsNameTheirSnapshots) {
  v1::AttemptTask task;
  task.mutable_spec()->set_snapshot_digest(Sha256("snapshot").Hex());
  LedgerRecord record;
  record.task = std::make_shared<const std::string>(task.SerializeAsString());
  EXPECT_THAT(DigestsOf({record, LedgerRecord{}}), testing::ElementsAre(Sha256("snapshot")));
}

TEST(PlanTrimTest, AShortDiskIsServedBeyondTheQuota) {
  const auto blob = [](const std::string& name, int used) {
    return storage::BlobEntry{Sha256(name), 1000, TimePoint(std::chrono::seconds(used))};
  };
  const auto going = PlanTrim({blob("b", 2), blob("a", 1), blob("c", 3)}, {}, 1 << 20, 1500);
  ASSERT_EQ(going.size(), 2U);
  EXPECT_EQ(going[0].digest, Sha256("a"));
  EXPECT_EQ(going[1].digest, Sha256("b"));
}

}  // namespace
}  // namespace muster::agent
