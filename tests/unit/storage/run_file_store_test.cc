#include "storage/run_file_store.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "storage/files/recent.h"
#include "tests/unit/storage/state_directory.h"

namespace muster::storage {
namespace {

const WorkspaceName kDefault("default");
const AttemptId kAttempt{JobId("digits_1_aa"), 1};

class RunFileStoreTest : public testing::Test {
 protected:
  RunFileStoreTest() : store_(std::move(*RunFileStore::Open(directory_ / "runfiles"))) {}

  Result<std::uint64_t> Append(std::string_view name, std::uint64_t offset, std::string_view data) {
    return store_->Append(kDefault, kAttempt, name, offset, data, true);
  }
  Result<std::string> Read(std::string_view name) {
    return store_->Read(kDefault, kAttempt, name, 0, 1 << 20);
  }
  Result<std::vector<RunFileInfo>> List(const AttemptId& attempt) {
    return store_->List(kDefault, attempt, "", 100'000);
  }
  std::string AttemptPath() const { return directory_ / "runfiles/default/digits_1_aa/1"; }

  TemporaryDirectory directory_;
  std::unique_ptr<RunFileStore> store_;
};

TEST_F(RunFileStoreTest, AppendsGrowAFileAndResendsAreCountedOnce) {
  EXPECT_EQ(Append("azureml-logs/70_driver_log.txt", 0, "hello "), 6U);
  EXPECT_EQ(Append("azureml-logs/70_driver_log.txt", 6, "world"), 11U);
  EXPECT_EQ(Append("azureml-logs/70_driver_log.txt", 0, "hello "), 11U);       // a duplicate
  EXPECT_EQ(Append("azureml-logs/70_driver_log.txt", 6, "world again"), 17U);  // an overlap
  EXPECT_EQ(Append("azureml-logs/70_driver_log.txt", 17, ""), 17U);            // asks for the size
  EXPECT_EQ(Read("azureml-logs/70_driver_log.txt"), "hello world again");
}

TEST_F(RunFileStoreTest, AGapIsRefusedWithTheSize) {
  ASSERT_EQ(Append("a", 0, "1234"), 4U);
  const auto result = Append("a", 5, "x");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kOutOfRange);
  EXPECT_NE(result.error().message.find("4 bytes"), std::string::npos);
  EXPECT_EQ(Append("a", 1ULL << 63, "x").error().code, ErrorCode::kOutOfRange);
}

TEST_F(RunFileStoreTest, ReadsPartsAndTellsAMissingFile) {
  ASSERT_TRUE(Append("a", 0, "abcdef"));
  EXPECT_EQ(store_->Read(kDefault, kAttempt, "a", 2, 3), "cde");
  EXPECT_EQ(store_->Read(kDefault, kAttempt, "a", 6, 3), "");
  EXPECT_EQ(Read("b").error().reason, ErrorReason::kUnknownRunFile);
  EXPECT_EQ(store_->Read(kDefault, {JobId("other"), 1}, "a", 0, 1).error().code,
            ErrorCode::kNotFound);
}

TEST_F(RunFileStoreTest, KeepsNoMoreThanItsLimitsOfAFileAndOfAnAttempt) {
  store_ = std::move(*RunFileStore::Open(directory_ / "runfiles", {10, 25}));
  ASSERT_EQ(Append("a", 0, "0123456789"), 10U);
  const auto too_long = Append("a", 10, "x");
  ASSERT_FALSE(too_long);
  EXPECT_EQ(too_long.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_EQ(too_long.error().reason, ErrorReason::kTooLarge);
  EXPECT_NE(too_long.error().message.find("max_run_file_bytes"), std::string::npos);
  EXPECT_EQ(Append("a", 0, "0123456789"), 10U) << "a duplicate adds nothing";
  ASSERT_EQ(Append("b", 0, "0123456789"), 10U);
  // The count survives a restart.
  store_ = std::move(*RunFileStore::Open(directory_ / "runfiles", {10, 25}));
  const auto too_much = Append("c", 0, "012345");
  ASSERT_FALSE(too_much);
  EXPECT_NE(too_much.error().message.find("max_attempt_run_file_bytes"), std::string::npos);
  EXPECT_EQ(Append("c", 0, "01234"), 5U);
  EXPECT_EQ(store_->Append(kDefault, {kAttempt.job, 2}, "a", 0, "0123456789", true), 10U)
      << "another attempt has its own limit";
}

TEST_F(RunFileStoreTest, ListsInPagesByName) {
  for (const char* name : {"b/2", "a", "c", "b/1"}) ASSERT_TRUE(Append(name, 0, "xy"));
  const auto first = store_->List(kDefault, kAttempt, "", 3);
  ASSERT_EQ(first->size(), 3U);
  EXPECT_EQ(first->at(0).name, "a");
  EXPECT_EQ(first->at(2).name, "b/2");
  EXPECT_EQ(first->at(2).size_bytes, 2U);
  const auto second = store_->List(kDefault, kAttempt, "b/2", 3);
  ASSERT_EQ(second->size(), 1U);
  EXPECT_EQ(second->at(0).name, "c");
}

TEST_F(RunFileStoreTest, ListsFilesOfTheAttemptByName) {
  ASSERT_TRUE(Append("outputs/model/weights", 0, "12"));
  ASSERT_TRUE(Append("azureml-logs/70_driver_log.txt", 0, "1"));
  ASSERT_TRUE(store_->Append(kDefault, {kAttempt.job, 2}, "other", 0, "x", false));
  const auto files = List(kAttempt);
  ASSERT_TRUE(files);
  ASSERT_EQ(files->size(), 2U);
  EXPECT_EQ((*files)[0].name, "azureml-logs/70_driver_log.txt");
  EXPECT_EQ((*files)[1].name, "outputs/model/weights");
  EXPECT_EQ((*files)[1].size_bytes, 2U);
  EXPECT_TRUE(List({JobId("unknown"), 1})->empty());
}

TEST_F(RunFileStoreTest, HostileNamesAreRefused) {
  const std::string names[] = {"",
                               "/etc/passwd",
                               "..",
                               "../2/a",
                               "a/../../b",
                               "a/..",
                               ".",
                               "./a",
                               "a//b",
                               "a/",
                               std::string("a\0b", 3),
                               "a\nb",
                               "a\x1b[31m",
                               "a\x7f",
                               std::string(256, 'a'),
                               std::string(1'025, 'a'),
                               std::string(600, '/'),
                               [] {
                                 std::string deep = "a";
                                 for (int i = 0; i < 40; ++i) deep += "/a";
                                 return deep;
                               }()};
  for (const std::string& name : names) {
    const auto appended = Append(name, 0, "x");
    ASSERT_FALSE(appended) << name;
    EXPECT_EQ(appended.error().reason, ErrorReason::kUnsafePath) << name;
    EXPECT_EQ(appended.error().code, ErrorCode::kInvalidArgument) << name;
    EXPECT_EQ(Read(name).error().reason, ErrorReason::kUnsafePath) << name;
  }
  EXPECT_EQ(store_->Append(WorkspaceName(".."), kAttempt, "a", 0, "x", false).error().reason,
            ErrorReason::kUnsafePath);
  EXPECT_EQ(store_->Read(kDefault, {JobId("a/b"), 1}, "a", 0, 1).error().reason,
            ErrorReason::kUnsafePath);
  EXPECT_TRUE(List(kAttempt)->empty());
}

TEST_F(RunFileStoreTest, PlantedLinksAndDevicesAreNotFollowed) {
  ASSERT_TRUE(Append("logs/a", 0, "1"));
  std::ofstream(directory_ / "secret") << "secret";
  std::filesystem::create_symlink(directory_ / "secret", AttemptPath() + "/file");
  std::filesystem::create_symlink(directory_.path(), AttemptPath() + "/folder");
  std::filesystem::create_symlink("a", AttemptPath() + "/logs/inside");
  ASSERT_EQ(::mkfifo((AttemptPath() + "/pipe").c_str(), 0600), 0);
  for (const char* name : {"file", "folder/secret", "folder/new", "logs/inside", "pipe", "logs"}) {
    const auto appended = Append(name, 0, "x");
    ASSERT_FALSE(appended) << name;
    EXPECT_EQ(appended.error().reason, ErrorReason::kUnsafePath) << name;
    EXPECT_EQ(Read(name).error().reason, ErrorReason::kUnsafePath) << name;
  }
  EXPECT_FALSE(std::filesystem::exists(directory_ / "new"));
  EXPECT_EQ(List(kAttempt)->size(), 1U);
}

class AddedRunFiles : public RunFileStoreTest {
 protected:
  std::string Source(const std::string& content) {
    const std::string path = directory_ / ("source" + std::to_string(++sources_));
    std::ofstream(path) << content;
    return path;
  }
  Status Add(std::string_view name, const std::string& source) {
    return store_->Add(kDefault, kAttempt.job, name, source);
  }
  Result<std::string> ReadAdded(std::string_view name) {
    return store_->Read(kDefault, {kAttempt.job, 0}, name, 0, 1 << 20);
  }

  int sources_ = 0;
};

TEST_F(AddedRunFiles, AreWholeAndDoNotChange) {
  ASSERT_TRUE(Add("outputs/model", Source("weights")));
  EXPECT_EQ(ReadAdded("outputs/model"), "weights");
  EXPECT_TRUE(Add("outputs/model", Source("weights"))) << "the same once more, as another file";
  const Status other = Add("outputs/model", Source("WEIGHTS"));
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, ErrorCode::kAlreadyExists);
  EXPECT_EQ(ReadAdded("outputs/model"), "weights");
  EXPECT_TRUE(List(kAttempt)->empty()) << "they are of no attempt";
  EXPECT_EQ(List({kAttempt.job, 0})->size(), 1U);
}

TEST_F(AddedRunFiles, AreCopiedFromAnotherFileSystem) {
  const std::string source = "/dev/shm/muster-added-" + std::to_string(::getpid());
  std::ofstream(source) << std::string(3 << 20, 'x');
  const Status added = Add("big", source);
  struct stat info {};
  EXPECT_EQ(::stat(source.c_str(), &info), 0);
  std::filesystem::remove(source);
  ASSERT_TRUE(added) << added.error().message;
  EXPECT_EQ(ReadAdded("big")->size(), 1U << 20);
  EXPECT_EQ(std::filesystem::file_size(directory_ / "runfiles/default/digits_1_aa/0/big"),
            3U << 20);
}

TEST_F(AddedRunFiles, HostileNamesAndPlantedLinksAreRefused) {
  ASSERT_TRUE(Add("logs/a", Source("1")));
  std::filesystem::create_symlink(directory_.path(),
                                  directory_ / "runfiles/default/digits_1_aa/0/folder");
  for (const char* name : {"../a", "/a", "", "a/../b", "folder/new", "logs"}) {
    const Status added = Add(name, Source("2"));
    ASSERT_FALSE(added) << name;
    EXPECT_NE(added.error().code, ErrorCode::kInternal) << name;
  }
  EXPECT_FALSE(std::filesystem::exists(directory_ / "new"));
}

TEST_F(AddedRunFiles, CountAgainstTheLimits) {
  store_ = std::move(*RunFileStore::Open(directory_ / "runfiles", {10, 15}));
  EXPECT_EQ(Add("a", Source("12345678901")).error().reason, ErrorReason::kTooLarge);
  ASSERT_TRUE(Add("a", Source("1234567890")));
  EXPECT_EQ(Add("b", Source("123456")).error().reason, ErrorReason::kTooLarge);
  EXPECT_TRUE(Add("b", Source("12345")));
}

TEST_F(RunFileStoreTest, MoreFilesThanDescriptorsAreKeptApart) {
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 600; ++i) {
      const std::string text = std::to_string(i) + ";";
      const auto offset = static_cast<std::uint64_t>(round) * text.size();
      ASSERT_TRUE(
          store_->Append(kDefault, kAttempt, "logs/" + std::to_string(i), offset, text, false));
    }
  }
  EXPECT_EQ(Read("logs/599"), "599;599;");
  EXPECT_EQ(List(kAttempt)->size(), 600U);
  const std::filesystem::directory_iterator open("/proc/self/fd");
  EXPECT_LT(std::distance(begin(open), end(open)), 400);
}

TEST_F(RunFileStoreTest, ManyThreadsAppendToFilesOfTheirOwn) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([this, t] {
      const std::string name = "logs/" + std::to_string(t);
      for (std::uint64_t i = 0; i < 200; ++i) {
        EXPECT_EQ(store_->Append(kDefault, kAttempt, name, i * 4, "abcd", false), i * 4 + 4);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Read("logs/3")->size(), 800U);
}

TEST_F(RunFileStoreTest, FilesOutliveTheStore) {
  ASSERT_TRUE(Append("a", 0, "abc"));
  store_ = std::move(*RunFileStore::Open(directory_ / "runfiles"));
  EXPECT_EQ(Append("a", 3, "d"), 4U);
  EXPECT_EQ(Read("a"), "abcd");
}

TEST_F(RunFileStoreTest, AnAttemptWithTooManyFilesGetsNoMore) {
  ASSERT_TRUE(Append("logs/first", 0, "1"));
  store_ = std::move(*RunFileStore::Open(directory_ / "runfiles"));
  for (int i = 0; i < 99'999; ++i) {
    std::ofstream(AttemptPath() + "/logs/" + std::to_string(i));
  }
  const auto more = Append("logs/more", 0, "x");
  EXPECT_EQ(more.error().reason, ErrorReason::kTooMany);
  // Not one that another attempt at the same call could get around.
  EXPECT_EQ(more.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_EQ(Append("logs/first", 1, "2"), 2U);  // those that are there go on growing
}

TEST_F(RunFileStoreTest, PartsOfSeveralFilesHaveAnAnswerEach) {
  const AttemptId other{JobId("other_1790000000_0a1b2c3d"), 1};
  const std::vector<RunFilePart> parts = {{kDefault, kAttempt, "azureml-logs/a", 0, "12"},
                                          {kDefault, other, "azureml-logs/a", 0, "345"},
                                          {kDefault, kAttempt, "azureml-logs/a", 9, "x"},
                                          {kDefault, kAttempt, "../a", 0, "x"},
                                          {kDefault, kAttempt, "azureml-logs/a", 2, "6"}};
  const auto sizes = store_->AppendAll(parts);
  ASSERT_EQ(sizes.size(), 5U);
  EXPECT_EQ(sizes[0], 2U);
  EXPECT_EQ(sizes[1], 3U);
  EXPECT_EQ(sizes[2].error().code, ErrorCode::kOutOfRange);
  EXPECT_EQ(sizes[3].error().reason, ErrorReason::kUnsafePath);
  EXPECT_EQ(sizes[4], 3U);
  EXPECT_EQ(store_->Read(kDefault, kAttempt, "azureml-logs/a", 0, 9), "126");
  EXPECT_EQ(store_->Read(kDefault, other, "azureml-logs/a", 0, 9), "345");
}

TEST(Recent, ForgetsWhatWasUsedLongestAgo) {
  Recent<int, std::string> recent(2);
  recent.Put(1, "one");
  recent.Put(2, "two");
  ASSERT_NE(recent.Find(1), nullptr);  // now 2 is the oldest
  recent.Put(3, "three");
  EXPECT_EQ(recent.Find(2), nullptr);
  EXPECT_EQ(*recent.Find(1), "one");
  recent.Put(1, "uno");
  EXPECT_EQ(*recent.Find(1), "uno");
  EXPECT_EQ(recent.size(), 2U);
  recent.Erase(1);
  recent.Erase(1);
  EXPECT_EQ(recent.Find(1), nullptr);
  EXPECT_EQ(recent.size(), 1U);
}

}  // namespace
}  // namespace muster::storage
