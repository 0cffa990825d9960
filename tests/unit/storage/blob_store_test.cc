#include "storage/blob_store.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>

#include "tests/unit/storage/state_directory.h"

namespace muster::storage {
namespace {

class BlobStoreTest : public testing::Test {
 protected:
  BlobStoreTest() : store_(std::move(*BlobStore::Open(directory_ / "blobs"))) {}

  Status Put(const std::string& content) {
    MUSTER_ASSIGN(auto writer, store_->Create(Sha256(content), content.size()));
    MUSTER_TRY(writer->Append(content.substr(0, content.size() / 2)));
    MUSTER_TRY(writer->Append(content.substr(content.size() / 2)));
    return writer->Commit();
  }
  std::size_t TemporaryFiles() const {
    const std::filesystem::directory_iterator entries(directory_ / "blobs/tmp");
    return static_cast<std::size_t>(std::distance(begin(entries), end(entries)));
  }

  TemporaryDirectory directory_;
  std::unique_ptr<BlobStore> store_;
};

TEST_F(BlobStoreTest, TheListTellsWhenABlobWasUsedAndARemovedOneIsGone) {
  ASSERT_TRUE(Put("one"));
  ASSERT_TRUE(Put("other"));
  const Digest one = Sha256("one");
  std::filesystem::last_write_time(
      store_->PathOf(one), std::filesystem::file_time_type::clock::now() - std::chrono::hours(1));
  const auto used_at = [&]() -> TimePoint {
    const auto blobs = store_->List();
    if (!blobs || blobs->size() != 2) return {};
    return blobs->front().digest == one ? blobs->front().used_at : blobs->back().used_at;
  };
  const TimePoint before = used_at();
  store_->NoteUsed(one);
  EXPECT_GT(used_at(), before);
  ASSERT_TRUE(store_->Remove(one));
  EXPECT_FALSE(store_->Has(one));
  ASSERT_EQ(store_->List()->size(), 1U);
  EXPECT_EQ(store_->List()->front().size_bytes, 5U);
  EXPECT_TRUE(store_->Remove(one));
}

TEST_F(BlobStoreTest, ABlobIsReadBackFromAnyOffset) {
  const std::string content(100'000, 'x');
  ASSERT_TRUE(Put(content + "end"));
  const Digest digest = Sha256(content + "end");
  EXPECT_TRUE(store_->Has(digest));
  EXPECT_EQ(store_->Size(digest), 100'003U);
  EXPECT_EQ(store_->Read(digest, 100'000, 64), "end");
  EXPECT_EQ(store_->Read(digest, 100'001, 1), "n");
  EXPECT_EQ(store_->Read(digest, 100'003, 64), "");
  EXPECT_EQ(store_->Read(digest, 1ULL << 40, 64), "");
  struct stat info {};
  ASSERT_EQ(::stat(store_->PathOf(digest).c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
}

TEST_F(BlobStoreTest, AnUnknownBlobIsNotFound) {
  const Digest digest = Sha256("nobody has this");
  EXPECT_FALSE(store_->Has(digest));
  EXPECT_EQ(store_->Size(digest).error().reason, ErrorReason::kUnknownBlob);
  EXPECT_EQ(store_->Read(digest, 0, 1).error().code, ErrorCode::kNotFound);
}

TEST_F(BlobStoreTest, OtherContentThanAnnouncedIsRefusedAndLeavesNothing) {
  const Digest digest = Sha256("announced");
  {
    auto writer = std::move(*store_->Create(digest, 9));
    ASSERT_TRUE(writer->Append("different"));
    const Status status = writer->Commit();
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, ErrorCode::kDataLoss);
    EXPECT_EQ(status.error().reason, ErrorReason::kDigestMismatch);
  }
  EXPECT_FALSE(store_->Has(digest));
  EXPECT_EQ(TemporaryFiles(), 0U);
}

TEST_F(BlobStoreTest, FewerOrMoreBytesThanAnnouncedAreRefused) {
  auto few = std::move(*store_->Create(Sha256("abc"), 4));
  ASSERT_TRUE(few->Append("abc"));
  EXPECT_EQ(few->Commit().error().reason, ErrorReason::kDigestMismatch);
  auto more = std::move(*store_->Create(Sha256("abc"), 2));
  EXPECT_EQ(more->Append("abc").error().reason, ErrorReason::kDigestMismatch);
}

TEST_F(BlobStoreTest, AnUploadThatIsGivenUpLeavesNothing) {
  { auto writer = std::move(*store_->Create(Sha256("abc"), 3)); }
  EXPECT_EQ(TemporaryFiles(), 0U);
  EXPECT_FALSE(store_->Has(Sha256("abc")));
}

TEST_F(BlobStoreTest, TwoUploadsOfOneBlobBothSucceed) {
  auto first = std::move(*store_->Create(Sha256("abc"), 3));
  auto second = std::move(*store_->Create(Sha256("abc"), 3));
  ASSERT_TRUE(first->Append("abc"));
  ASSERT_TRUE(second->Append("abc"));
  EXPECT_TRUE(first->Commit());
  EXPECT_TRUE(second->Commit());
  EXPECT_EQ(store_->Read(Sha256("abc"), 0, 10), "abc");
}

TEST_F(BlobStoreTest, AFileIsTakenInAsItLies) {
  const std::string path = directory_ / "part";
  std::ofstream(path) << "whole";
  struct stat before {};
  ASSERT_EQ(::stat(path.c_str(), &before), 0);
  ASSERT_TRUE(store_->Adopt(Sha256("whole"), path));
  EXPECT_EQ(store_->Read(Sha256("whole"), 0, 10), "whole");
  EXPECT_FALSE(std::filesystem::exists(path));
  struct stat after {};
  ASSERT_EQ(::stat(store_->PathOf(Sha256("whole")).c_str(), &after), 0);
  EXPECT_EQ(after.st_ino, before.st_ino) << "it was written a second time";
  EXPECT_EQ(after.st_mode & 0777U, 0600U);
}

TEST_F(BlobStoreTest, AFileOfOtherContentStaysWhereItIs) {
  const std::string path = directory_ / "part";
  std::ofstream(path) << "other";
  const Status status = store_->Adopt(Sha256("whole"), path);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kDataLoss);
  EXPECT_FALSE(store_->Has(Sha256("whole")));
  EXPECT_TRUE(std::filesystem::exists(path));
}

TEST_F(BlobStoreTest, WhatACrashLeftIsRemovedAndBlobsStay) {
  ASSERT_TRUE(Put("kept"));
  std::ofstream(directory_ / "blobs/tmp/17") << "half of an upload";
  store_ = std::move(*BlobStore::Open(directory_ / "blobs"));
  EXPECT_EQ(TemporaryFiles(), 0U);
  EXPECT_TRUE(store_->Has(Sha256("kept")));
}

}  // namespace
}  // namespace muster::storage
