#include "agent/session/ledger.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "agent/session/recovery.h"
#include "base/log.h"
#include "tests/unit/agent/temporary_directory.h"

namespace muster::agent {
namespace {

const AttemptId kId{JobId("digits_1790000000_0a1b2c3d"), 2};

std::shared_ptr<const std::string> Bytes(const std::string& text) {
  return std::make_shared<const std::string>(text);
}

LedgerRecord Record(LedgerPhase phase) {
  return {kId, phase, Bytes(std::string("task\0\n\xff", 7)), std::chrono::seconds(60), {}};
}

class LedgerTest : public testing::Test {
 protected:
  std::unique_ptr<Ledger> Open() { return std::move(*Ledger::Open(directory_.path())); }
  std::string RecordPath() const { return directory_ / AttemptName(kId); }

  TemporaryDirectory directory_;
};

TEST_F(LedgerTest, WhatWasPutIsThereAfterARestart) {
  LedgerRecord record = Record(LedgerPhase::kFailed);
  record.failure = Failure{FailureCode::kNodeDiskFull, "no \"space\""};
  ASSERT_TRUE(Open()->Put(Record(LedgerPhase::kPreparing)));
  ASSERT_TRUE(Open()->Put(record));
  const auto records = Open()->Load();
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].id, kId);
  EXPECT_EQ(records[0].phase, LedgerPhase::kFailed);
  EXPECT_EQ(*records[0].task, *record.task);
  EXPECT_EQ(records[0].lease, record.lease);
  EXPECT_EQ(records[0].failure, record.failure);
}

TEST_F(LedgerTest, ALaunchedAttemptKeepsItsRecord) {
  ASSERT_TRUE(Open()->Put(Record(LedgerPhase::kPreparing)));
  LedgerRecord launched;
  launched.id = kId;
  launched.phase = LedgerPhase::kLaunched;
  ASSERT_TRUE(Open()->Put(launched));
  const auto records = Open()->Load();
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].phase, LedgerPhase::kLaunched);
  EXPECT_EQ(*records[0].task, *Record(LedgerPhase::kPreparing).task);
  EXPECT_EQ(records[0].lease, std::chrono::seconds(60));
}

TEST_F(LedgerTest, APhaseThatIsNoneIsDamage) {
  ASSERT_TRUE(Open()->Put(Record(LedgerPhase::kPreparing)));
  const std::string whole = directory_.Read(AttemptName(kId));
  for (const char phase : {'0', '3', '4', ' '}) {
    std::string damaged = whole;
    damaged[whole.find(" 1 ") + 1] = phase;
    directory_.Write(AttemptName(kId), damaged);
    EXPECT_TRUE(Open()->Load().empty()) << phase;
  }
}

TEST_F(LedgerTest, ATruncatedRecordCountsAsNotPreparedAtEveryLength) {
  ASSERT_TRUE(Open()->Put(Record(LedgerPhase::kLaunched)));
  const std::string whole = directory_.Read(AttemptName(kId));
  for (std::size_t length = 0; length < whole.size(); ++length) {
    directory_.Write(AttemptName(kId), whole.substr(0, length));
    EXPECT_TRUE(Open()->Load().empty()) << length;
  }
}

TEST_F(LedgerTest, ADamagedRecordDoesNotHideTheOthers) {
  ASSERT_TRUE(Open()->Put(Record(LedgerPhase::kLaunched)));
  LedgerRecord other = Record(LedgerPhase::kPreparing);
  other.id.number = 3;
  ASSERT_TRUE(Open()->Put(other));
  std::string bytes = directory_.Read(AttemptName(kId));
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  directory_.Write(AttemptName(kId), bytes);
  const auto records = Open()->Load();
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].id, other.id);
}

TEST_F(LedgerTest, ARecordThatIsRemovedWhileOthersAreReadIsNoDamage) {
  ASSERT_TRUE(Open()->Put(Record(LedgerPhase::kLaunched)));
  // Is listed, and not there to be read.
  std::filesystem::create_symlink("gone", directory_ / "other.1");
  testing::internal::CaptureStderr();
  InitLog("ledger_test", LogLevel::kInfo);
  const std::size_t loaded = Open()->Load().size();
  directory_.Write("damaged.1", "");
  Open()->Load();
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_EQ(loaded, 1U);
  EXPECT_THAT(log, testing::Not(testing::HasSubstr("other.1")));
  EXPECT_THAT(log, testing::HasSubstr("damaged.1"));
}

TEST_F(LedgerTest, WhatACrashLeftHalfWrittenIsRemoved) {
  directory_.Write("." + AttemptName(kId) + ".Ab12Cd", "half");
  EXPECT_TRUE(Open()->Load().empty());
  EXPECT_TRUE(std::filesystem::is_empty(directory_.path()));
}

TEST_F(LedgerTest, RecordsAreForTheAgentAlone) {
  ASSERT_TRUE(Open()->Put(Record(LedgerPhase::kPreparing)));
  struct stat info {};
  ASSERT_EQ(stat(RecordPath().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
}

TEST_F(LedgerTest, RemovedAttemptsStayAway) {
  const auto ledger = Open();
  ASSERT_TRUE(ledger->Put(Record(LedgerPhase::kPreparing)));
  ledger->Remove(kId);
  ledger->Remove(kId);
  EXPECT_TRUE(Open()->Load().empty());
}

TEST_F(LedgerTest, EpochBootAndLeasesAreNotAttempts) {
  const LeaseState lease{kId, SteadyPoint(std::chrono::seconds(77))};
  const auto ledger = Open();
  EXPECT_EQ(ledger->seen_epoch(), 0U);
  ASSERT_TRUE(ledger->PutSeenEpoch(41));
  ASSERT_TRUE(ledger->PutBootId("boot-1"));
  ledger->NoteLeases({lease});
  const auto again = Open();
  EXPECT_EQ(again->seen_epoch(), 41U);
  EXPECT_EQ(again->boot_id(), "boot-1");
  EXPECT_THAT(again->LoadLeases(), testing::ElementsAre(lease));
  EXPECT_TRUE(again->Load().empty());
}

TEST_F(LedgerTest, AJobIdLongerThanAFileNameHasARecordToo) {
  LedgerRecord record = Record(LedgerPhase::kPreparing);
  record.id.job = JobId(std::string(255, 'e') + "_1790000000_0a1b2c3d");
  ASSERT_TRUE(Open()->Put(record));
  const auto records = Open()->Load();
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].id, record.id);
}

RecoveredAttempt Found(ObservedPhase phase) {
  RecoveredAttempt attempt;
  attempt.id = kId;
  attempt.phase = phase;
  return attempt;
}

TEST(Recovery, TheLedgerGivesTaskAndLeaseToWhatTheRunnerFound) {
  const auto recovered =
      Recover({Record(LedgerPhase::kLaunched)}, {{kId, SteadyPoint(std::chrono::seconds(5))}},
              {Found(ObservedPhase::kRunning)});
  ASSERT_EQ(recovered.size(), 1U);
  EXPECT_EQ(recovered[0].phase, ObservedPhase::kRunning);
  EXPECT_EQ(*recovered[0].task, *Record(LedgerPhase::kLaunched).task);
  EXPECT_EQ(recovered[0].lease, std::chrono::seconds(60));
  EXPECT_EQ(recovered[0].lease_until, SteadyPoint(std::chrono::seconds(5)));
}

TEST(Recovery, ALaunchedAttemptOfWhichNothingIsLeftHasLostItsShim) {
  const auto recovered = Recover({Record(LedgerPhase::kLaunched)}, {}, {});
  ASSERT_EQ(recovered.size(), 1U);
  EXPECT_EQ(recovered[0].phase, ObservedPhase::kExited);
  ASSERT_TRUE(recovered[0].failure);
  EXPECT_EQ(recovered[0].failure->code, FailureCode::kShimLost);
}

TEST(Recovery, AFailedStagingStaysFailed) {
  LedgerRecord record = Record(LedgerPhase::kFailed);
  record.failure = Failure{FailureCode::kStagingFailed, "bad archive"};
  const auto recovered = Recover({record}, {}, {Found(ObservedPhase::kPreparing)});
  ASSERT_EQ(recovered.size(), 1U);
  EXPECT_EQ(recovered[0].phase, ObservedPhase::kExited);
  EXPECT_EQ(recovered[0].failure, record.failure);
}

TEST(Recovery, WithoutARecordStagingIsDoneAgain) {
  const auto recovered = Recover({}, {}, {Found(ObservedPhase::kReady)});
  ASSERT_EQ(recovered.size(), 1U);
  EXPECT_EQ(recovered[0].phase, ObservedPhase::kPreparing);
}

TEST(Recovery, ARunningAttemptWithoutARecordIsKeptForTheServerToDecide) {
  const auto recovered = Recover({}, {}, {Found(ObservedPhase::kRunning)});
  ASSERT_EQ(recovered.size(), 1U);
  EXPECT_EQ(recovered[0].phase, ObservedPhase::kRunning);
}

}  // namespace
}  // namespace muster::agent
