#include "storage/sqlite/log_vfs.h"

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "storage/sqlite/connection.h"
#include "tests/unit/storage/state_directory.h"

namespace muster::storage {
namespace {

std::int64_t g_writes = 0;

ssize_t CountedWrite(int file, const void* data, std::size_t size, off_t offset) {
  ++g_writes;
  return ::pwrite(file, data, size, offset);
}

// SQLite's calls that write go through CountedWrite while it lives.
class WriteCount {
 public:
  WriteCount() { Set(reinterpret_cast<sqlite3_syscall_ptr>(&CountedWrite)); }
  WriteCount(const WriteCount&) = delete;
  WriteCount& operator=(const WriteCount&) = delete;
  ~WriteCount() { Set(nullptr); }

 private:
  // Which of the two it uses was decided when it was compiled.
  static void Set(sqlite3_syscall_ptr call) {
    sqlite3_vfs* const vfs = sqlite3_vfs_find(nullptr);
    for (const char* name : {"pwrite", "pwrite64"}) vfs->xSetSystemCall(vfs, name, call);
  }
};

class LogVfsTest : public testing::Test {
 protected:
  LogVfsTest()
      : writer_(*Connection::Open(path_, Connection::Mode::kCreate)),
        reader_(*Connection::Open(path_, Connection::Mode::kReadOnly)) {
    writer_ = *Connection::Open(path_, Connection::Mode::kReadWrite);
    EXPECT_TRUE(
        writer_.Execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                        "PRAGMA wal_autocheckpoint = 0;"
                        "CREATE TABLE t (number INTEGER PRIMARY KEY, data BLOB)"));
  }
  void Insert(int rows, int bytes) {
    const std::string sql =
        "INSERT INTO t (data) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
        "WHERE i < " +
        std::to_string(rows) + ") SELECT randomblob(" + std::to_string(bytes) + ") FROM n";
    ASSERT_TRUE(writer_.Execute(sql.c_str()));
  }
  std::int64_t RowsRead() { return *reader_.QueryInteger("SELECT count(*) FROM t"); }

  TemporaryDirectory directory_;
  const std::string path_ = directory_ / "state.db";
  Connection writer_;
  Connection reader_;
};

TEST_F(LogVfsTest, ACommitOfManyPagesIsOneWriteOfTheLog) {
  Insert(1, 10);
  {
    const WriteCount counting;
    g_writes = 0;
    Insert(1, 40'000);
  }
  EXPECT_EQ(g_writes, 1);
  EXPECT_EQ(RowsRead(), 2);
}

// Of a log with a first size: where its frames end.
std::uintmax_t EndOfFrames(const std::string& log) {
  constexpr std::size_t kHeaderBytes = 32;
  constexpr std::size_t kFrameBytes = 24 + 4'096;
  std::ifstream file(log, std::ios::binary);
  const std::string content{std::istreambuf_iterator<char>(file), {}};
  const std::size_t used = content.find_last_not_of('\0') + 1;
  return kHeaderBytes + (used - kHeaderBytes + kFrameBytes - 1) / kFrameBytes * kFrameBytes;
}

class CrashedLogTest : public LogVfsTest {
 protected:
  // Three commits, and what a machine that went down then would find.
  CrashedLogTest() {
    for (const int rows : {1, 2, 4}) Insert(rows, 3'000);
    std::filesystem::copy(path_, crashed_);
    std::filesystem::copy(path_ + "-wal", crashed_ + "-wal");
  }
  // With which it starts again: 0, 1, 3 or 7 rows.
  std::int64_t RowsLeft() {
    Connection again = *Connection::Open(crashed_, Connection::Mode::kReadWrite);
    EXPECT_EQ(*again.QueryText("PRAGMA quick_check"), "ok");
    return *again.QueryInteger("SELECT count(*) FROM t");
  }
  const std::string crashed_ = directory_ / "crashed.db";
};

TEST_F(CrashedLogTest, TheLogHasItsFirstSizeFromTheFirstCommitOn) {
  EXPECT_EQ(std::filesystem::file_size(path_ + "-wal"), 8U << 20);
}

TEST_F(CrashedLogTest, AShortLogIsExtendedWithoutHarmToWhatItHolds) {
  std::filesystem::resize_file(crashed_ + "-wal", EndOfFrames(crashed_ + "-wal"));
  EXPECT_EQ(RowsLeft(), 7);
}

TEST_F(CrashedLogTest, ATornLastCommitIsGoneAndNothingElse) {
  std::filesystem::resize_file(crashed_ + "-wal", EndOfFrames(crashed_ + "-wal") - 100);
  EXPECT_EQ(RowsLeft(), 3);
}

TEST_F(LogVfsTest, CommitsLargerThanTheBufferAreReadWhole) {
  for (const int rows : {20, 31, 40, 400}) Insert(rows, 4'000);
  EXPECT_EQ(RowsRead(), 491);
  EXPECT_EQ(*reader_.QueryText("PRAGMA quick_check"), "ok");
}

TEST_F(LogVfsTest, ATransactionThatSpillsReadsWhatItWrote) {
  ASSERT_TRUE(writer_.Execute("PRAGMA cache_size = 10; BEGIN"));
  Insert(500, 4'000);
  EXPECT_EQ(*writer_.QueryInteger("SELECT count(*) FROM t WHERE length(data) = 4000"), 500);
  ASSERT_TRUE(writer_.Execute("ROLLBACK"));
  Insert(3, 4'000);
  EXPECT_EQ(RowsRead(), 3);
  EXPECT_EQ(*reader_.QueryText("PRAGMA quick_check"), "ok");
}

TEST_F(LogVfsTest, ACheckpointTakesWhatWasCommitted) {
  Insert(100, 4'000);
  ASSERT_TRUE(writer_.Execute("PRAGMA wal_checkpoint(TRUNCATE)"));
  Insert(10, 4'000);
  ASSERT_TRUE(writer_.Execute("PRAGMA wal_checkpoint(TRUNCATE)"));
  EXPECT_EQ(std::filesystem::file_size(path_ + "-wal"), 0U);
  EXPECT_EQ(RowsRead(), 110);
}

}  // namespace
}  // namespace muster::storage
