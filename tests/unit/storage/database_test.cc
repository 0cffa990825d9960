#include "storage/sqlite/database.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <future>

#include "storage/sqlite/connection.h"
#include "storage/sqlite/inspect.h"
#include "storage/sqlite/schema.h"
#include "storage/sqlite/space.h"
#include "tests/unit/storage/state_directory.h"

namespace muster::storage {
namespace {

using scheduler::JobStatus;

class DatabaseTest : public testing::Test {
 protected:
  std::string File() const { return directory_ / "state.db"; }
  // Writes some jobs and closes.
  void Fill(int jobs) {
    auto database = MustOpen(directory_.path());
    std::vector<Batch> batches{world_.Found()};
    for (int i = 0; i < jobs; ++i) {
      batches.push_back(
          world_.Submit("digits_" + std::to_string(i), std::string(2'000, 'g'), "resolved"));
    }
    Write(*database, std::move(batches));
  }
  void Execute(const std::string& sql) {
    auto connection = Connection::Open(File(), Connection::Mode::kReadWrite);
    ASSERT_TRUE(connection);
    const Status status = connection->Execute(sql.c_str());
    ASSERT_TRUE(status) << status.error().message;
  }
  void Overwrite(std::uint64_t offset, const std::string& bytes) {
    std::fstream file(File(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(offset));
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  }
  // The database is refused, naming the check, and how to restore.
  void ExpectRefused(const std::string& check) {
    const auto opened = Database::Open(directory_.path());
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, ErrorCode::kDataLoss);
    EXPECT_EQ(opened.error().reason, ErrorReason::kCorruptState);
    EXPECT_NE(opened.error().message.find(check), std::string::npos) << opened.error().message;
    EXPECT_NE(opened.error().message.find("docs/operations.md#restore-the-state-database"),
              std::string::npos);
  }

  TemporaryDirectory directory_;
  World world_;
};

TEST_F(DatabaseTest, AFirstStartMakesAnEmptyDatabaseOnlyItsOwnerMayRead) {
  auto database = MustOpen(directory_ / "state/below");
  const auto state = database->Load();
  ASSERT_TRUE(state);
  EXPECT_EQ(state->epoch, 0U);
  EXPECT_EQ(state->last_sequence, 0U);
  EXPECT_TRUE(state->jobs.empty());
  for (const auto& entry : std::filesystem::directory_iterator(directory_ / "state/below")) {
    struct stat info {};
    ASSERT_EQ(::stat(entry.path().c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777U, 0600U) << entry.path();
  }
}

TEST_F(DatabaseTest, ABootFindsWhatWasWritten) {
  auto database = MustOpen(directory_.path());
  std::vector<Batch> batches{world_.Found(), world_.Submit("digits_1", "given", "resolved"),
                             world_.Submit("digits_2", "same", "same")};
  batches.push_back(world_.Step(
      {scheduler::TokenCreated{TokenId("t"), World::kWorkspace, UserName("bob"),
                               scheduler::Role::kUser, Sha256("s"), PoolName(), FromMicros(9)},
       scheduler::DatastoreRegistered{World::kWorkspace, DatastoreName("data"), "/data"},
       scheduler::LeasesExtended{FromMicros(77)}}));
  batches.push_back(world_.Assign(JobId("digits_2"), {NodeId("n1")}));
  Write(*database, std::move(batches));
  database.reset();

  database = MustOpen(directory_.path());
  const auto state = database->Load();
  ASSERT_TRUE(state) << state.error().message;
  const scheduler::State& want = world_.state();
  EXPECT_EQ(state->epoch, 1U);
  EXPECT_EQ(state->last_sequence, want.last_sequence);
  EXPECT_EQ(state->last_job_sequence, 2U);
  EXPECT_EQ(state->leases_extended_until, FromMicros(77));
  EXPECT_EQ(state->workspaces, want.workspaces);
  EXPECT_EQ(state->tokens.at(TokenId("t")).user, UserName("bob"));
  EXPECT_EQ(state->datastores.begin()->second.local_path, "/data");
  EXPECT_EQ(*state->jobs.at(JobId("digits_1")).spec, "resolved");
  EXPECT_EQ(state->jobs.at(JobId("digits_2")).status, JobStatus::kPreparing);
  EXPECT_EQ(state->pools.begin()->second.waiting, want.pools.begin()->second.waiting);
  EXPECT_EQ(state->pools.begin()->second.nodes, want.pools.begin()->second.nodes);
  EXPECT_EQ(state->nodes.at(NodeId("n1")).held, want.nodes.at(NodeId("n1")).held);
  EXPECT_EQ(state->answered.size(), 2U);
  EXPECT_TRUE(database->Fsck()->empty());
}

TEST_F(DatabaseTest, ABootForgetsEndedJobsUnlessANodeIsStillHeld) {
  using scheduler::NodePhase;
  auto database = MustOpen(directory_.path());
  std::vector<Batch> batches{world_.Found()};
  for (const char* id : {"gone_1", "held_1"}) {
    const JobId job(id);
    const NodeId node(id[0] == 'g' ? "n1" : "n2");
    const AttemptId attempt{job, 1};
    batches.push_back(world_.Submit(id, "s", "s"));
    batches.push_back(world_.Assign(job, {node}));
    batches.push_back(world_.Step({
        scheduler::AttemptPhaseChanged{
            attempt, scheduler::AttemptPhase::kStopping, scheduler::StopMode::kKill, {}},
        scheduler::AttemptPhaseChanged{
            attempt, scheduler::AttemptPhase::kEnded, scheduler::StopMode::kKill, {}},
        World::Changed(job, JobStatus::kFailed),
    }));
  }
  batches.push_back(world_.Step({scheduler::AttemptNodePhaseChanged{
      {JobId("gone_1"), 1}, NodeId("n1"), NodePhase::kFinished}}));
  Write(*database, std::move(batches));
  const auto state = database->Load();
  ASSERT_TRUE(state) << state.error().message;
  ASSERT_EQ(state->jobs.size(), 1U);
  EXPECT_EQ(state->jobs.begin()->first, JobId("held_1"));
  EXPECT_EQ(state->attempts.size(), 1U);
  EXPECT_EQ(state->nodes.at(NodeId("n2")).held.size(), 1U);
  EXPECT_TRUE(state->nodes.at(NodeId("n1")).held.empty());
  EXPECT_TRUE(database->Fsck()->empty());
}

TEST_F(DatabaseTest, ASecondOpenerIsRefusedAndToldWhoHasIt) {
  const auto first = MustOpen(directory_.path());
  const auto second = Database::Open(directory_.path());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().reason, ErrorReason::kStateLocked);
  EXPECT_NE(second.error().message.find("pid " + std::to_string(::getpid())), std::string::npos)
      << second.error().message;
}

TEST_F(DatabaseTest, TheLockEndsWithItsOwner) {
  { const auto first = MustOpen(directory_.path()); }
  EXPECT_TRUE(Database::Open(directory_.path()));
}

TEST_F(DatabaseTest, AnotherProcessIsRefusedToo) {
  const auto first = MustOpen(directory_.path());
  const pid_t child = ::fork();
  if (child == 0) {
    const auto second = Database::Open(directory_.path());
    ::_exit(!second && second.error().reason == ErrorReason::kStateLocked ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

TEST_F(DatabaseTest, GarbageIsRefused) {
  std::ofstream(File()) << std::string(8'192, 'g');
  ExpectRefused("the header's magic");
}

TEST_F(DatabaseTest, AnEmptyFileIsRefused) {
  const std::ofstream empty(File());
  ExpectRefused("the header (truncation)");
}

TEST_F(DatabaseTest, ADatabaseOfAnotherProgramIsRefused) {
  auto connection = Connection::Open(File(), Connection::Mode::kCreate);
  ASSERT_TRUE(connection->Execute("CREATE TABLE t (x)"));
  ExpectRefused("the application id");
}

TEST_F(DatabaseTest, ALogWithoutItsDatabaseIsRefused) {
  Fill(1);
  std::filesystem::rename(File(), File() + "-wal");
  ExpectRefused("state.db is missing");
}

TEST_F(DatabaseTest, ATruncatedFileIsRefusedWhereverItWasCut) {
  Fill(50);
  const auto size = std::filesystem::file_size(File());
  for (const std::uintmax_t left :
       {size - 1, size - 4'096, size / 2, std::uintmax_t{4'096}, std::uintmax_t{5'000}}) {
    const std::string copy = directory_ / ("cut-" + std::to_string(left));
    std::filesystem::create_directory(copy);
    std::filesystem::copy_file(File(), copy + "/state.db");
    std::filesystem::resize_file(copy + "/state.db", left);
    const auto opened = Database::Open(copy);
    ASSERT_FALSE(opened) << left;
    EXPECT_EQ(opened.error().reason, ErrorReason::kCorruptState);
    EXPECT_NE(opened.error().message.find("truncation"), std::string::npos)
        << opened.error().message;
  }
}

// As after a kill: the log is there, and does not hold what was cut off.
TEST_F(DatabaseTest, ATruncatedFileBesideALogIsRefused) {
  Fill(200);
  const std::string copy = directory_ / "copy";
  std::filesystem::create_directory(copy);
  {
    auto database = MustOpen(directory_.path());
    Store& store = database->StartWriter([](std::function<void()> run) { run(); });
    std::promise<void> durable;
    store.Append(world_.Submit("digits_last", "s", "s"), [&durable] { durable.set_value(); });
    durable.get_future().wait();
    std::filesystem::copy_file(File(), copy + "/state.db");
    std::filesystem::copy_file(File() + "-wal", copy + "/state.db-wal");
  }
  std::filesystem::copy(copy, directory_ / "whole");
  ASSERT_TRUE(MustOpen(directory_ / "whole")->Load()->jobs.contains(JobId("digits_last")));
  std::filesystem::resize_file(copy + "/state.db", std::filesystem::file_size(File()) / 2);
  const auto opened = Database::Open(copy);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().reason, ErrorReason::kCorruptState);
  EXPECT_NE(opened.error().message.find("truncation"), std::string::npos) << opened.error().message;
}

TEST_F(DatabaseTest, ADamagedPageIsRefused) {
  Fill(50);
  Overwrite(std::filesystem::file_size(File()) / 4'096 / 2 * 4'096, std::string(4'096, '\x55'));
  ExpectRefused("quick_check");
}

TEST_F(DatabaseTest, ALargeDatabaseSkipsTheFullCheckAndItsLoadStillTellsDamage) {
  Fill(50);
  Overwrite(std::filesystem::file_size(File()) / 4'096 / 2 * 4'096, std::string(4'096, '\x55'));
  auto connection = Connection::Open(File(), Connection::Mode::kReadWrite);
  EXPECT_TRUE(CheckPages(*connection, File(), 4'096));
  EXPECT_FALSE(CheckPages(*connection, File()));
}

TEST_F(DatabaseTest, RowsThatCannotBeReadOrLeadNowhereAreRefusedAtLoad) {
  Fill(2);
  const std::pair<const char*, const char*> damages[] = {
      {"UPDATE jobs SET data = x'ff00' WHERE sequence = 1", "jobs"},
      {"DELETE FROM pools", "names a pool that is not there"},
      {"DELETE FROM server", "server"},
      {"UPDATE answered_requests SET request_digest = x'00'", "digest"}};
  for (const auto& [sql, message] : damages) {
    const std::string copy = directory_ / "copy";
    std::filesystem::create_directory(copy);
    std::filesystem::copy_file(File(), copy + "/state.db",
                               std::filesystem::copy_options::overwrite_existing);
    {
      auto connection = Connection::Open(copy + "/state.db", Connection::Mode::kReadWrite);
      ASSERT_TRUE(connection->Execute(sql));
    }
    const auto state = MustOpen(copy)->Load();
    ASSERT_FALSE(state) << sql;
    EXPECT_EQ(state.error().reason, ErrorReason::kCorruptState);
    EXPECT_NE(state.error().message.find(message), std::string::npos) << state.error().message;
    EXPECT_NE(state.error().message.find("#restore-the-state-database"), std::string::npos);
  }
}

TEST_F(DatabaseTest, ANewerSchemaIsRefusedAndLeftAlone) {
  Fill(1);
  Execute("PRAGMA user_version = 1000");
  const auto opened = Database::Open(directory_.path());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().reason, ErrorReason::kSchemaTooNew);
  EXPECT_NE(opened.error().message.find("1000"), std::string::npos);
  Execute("PRAGMA user_version = 1");
  EXPECT_TRUE(Database::Open(directory_.path()));
}

TEST_F(DatabaseTest, AMigrationFromVersion1KeepsRowsAndIsAllOrNothing) {
  Fill(3);
  auto connection = Connection::Open(File(), Connection::Mode::kReadWrite);
  ASSERT_TRUE(connection);
  const Migration broken[] = {{1, "ALTER TABLE jobs ADD COLUMN shelf TEXT; SELECT nonsense;"}};
  EXPECT_FALSE(Migrate(*connection, broken, 1));
  EXPECT_EQ(connection->QueryInteger("PRAGMA user_version"), 1);
  EXPECT_FALSE(connection->QueryInteger("SELECT count(shelf) FROM jobs"));

  const Migration steps[] = {{0, "SELECT nonsense;"},
                             {1, "ALTER TABLE jobs ADD COLUMN shelf TEXT;"},
                             {2, "UPDATE jobs SET shelf = 'top';"}};
  ASSERT_TRUE(Migrate(*connection, steps, 3));
  EXPECT_EQ(connection->QueryInteger("PRAGMA user_version"), 3);
  EXPECT_EQ(connection->QueryInteger("SELECT count(*) FROM jobs WHERE shelf = 'top'"), 3);
}

TEST_F(DatabaseTest, WhatAnInterruptedFirstStartLeftIsNoObstacle) {
  std::ofstream(File() + ".new") << "half";
  std::ofstream(File() + ".new-journal") << "half";
  EXPECT_TRUE(Database::Open(directory_.path()));
  EXPECT_FALSE(std::filesystem::exists(File() + ".new"));
}

TEST_F(DatabaseTest, ADirectoryThatCannotBeWrittenIsAnError) {
  std::ofstream(directory_ / "file") << "x";
  const auto opened = Database::Open(directory_ / "file/state");
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().reason, ErrorReason::kIo);
}

TEST(Space, AFullDiskIsWaitedForAndOtherErrorsAreNot) {
  int attempts = 0;
  Duration waited{};
  const auto full = [&attempts]() -> Status {
    if (++attempts < 4) return Fail(ErrorCode::kResourceExhausted, ErrorReason::kIo, "full");
    return {};
  };
  const auto pause = [&waited](Duration duration) { waited += duration; };
  EXPECT_TRUE(RetryWhileFull("/state", full, pause));
  EXPECT_EQ(attempts, 4);
  EXPECT_EQ(waited, std::chrono::seconds(3));
  const auto broken = []() -> Status {
    return Fail(ErrorCode::kDataLoss, ErrorReason::kCorruptState, "damaged");
  };
  EXPECT_EQ(RetryWhileFull("/state", broken, pause).error().code, ErrorCode::kDataLoss);
  EXPECT_EQ(waited, std::chrono::seconds(3));
}

TEST(Space, AProbeSaysWhetherThereIsRoomAndLeavesNothing) {
  const TemporaryDirectory directory;
  EXPECT_TRUE(ProbeSpace(directory.path(), 1 << 20));
  EXPECT_EQ(ProbeSpace(directory.path(), 1ULL << 50).error().reason, ErrorReason::kIo);
  EXPECT_TRUE(std::filesystem::is_empty(directory.path()));
}

}  // namespace
}  // namespace muster::storage
