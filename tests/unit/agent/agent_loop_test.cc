#include "agent/session/agent_loop.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/unit/agent/fake_runner.h"
#include "tests/unit/agent/fake_sink.h"
#include "tests/unit/agent/fake_tracking_sink.h"
#include "tests/unit/agent/loop_driver.h"
#include "tests/unit/agent/temporary_directory.h"

namespace muster::agent {
namespace {

using testing::ElementsAre;

const AttemptId kId{JobId("digits_1_0a1b2c3d"), 1};

// A node whose server is the test.
class AgentLoopTest : public testing::Test {
 protected:
  AgentLoopTest() {
    for (const char* name : {"ledger", "attempts", "incoming"}) {
      std::filesystem::create_directory(directory_ / name);
    }
    ledger_ = std::move(*Ledger::Open(directory_ / "ledger"));
    blobs_ = std::move(*storage::BlobStore::Open(directory_ / "blobs"));
  }

  void StartAgent(std::vector<RecoveredAttempt> recovered = {}, bool rebooted = false) {
    cache_ = std::make_unique<BlobCache>(
        *blobs_, [this] { return DigestsOf(ledger_->Load()); },
        BlobCacheConfig{directory_.path(), directory_ / "incoming", 50ULL << 30, disk_reserve_});
    StagingParts staging{runner_,
                         *ledger_,
                         [this](const std::string&, StopSignal& given_up) -> Result<std::string> {
                           if (!fetch_hangs_) return fetched_;
                           given_up.SleepFor(std::chrono::seconds(30));
                           return Fail(ErrorCode::kCancelled, ErrorReason::kShuttingDown, "cut");
                         },
                         *cache_,
                         NodeId("n"),
                         directory_.path(),
                         disk_reserve_};
    agent_ = std::make_unique<AgentLoop>(
        AgentLoopParts{loop_, shipper_, outputs_, tracking_, staging, staging_workers_,
                       ledger_workers_, [this](const Report& report) { Take(report); }},
        std::move(recovered));
    agent_->Start(rebooted);
    agent_->SessionOpened();
  }

  // The server: acknowledges at once.
  void Take(const Report& report) {
    report_ = report;
    boost::asio::post(loop_, [this, sequence = report.sequence] {
      if (agent_) agent_->ReportAcked(sequence);
    });
  }

  DesiredAttempt Wanted(DesiredPhase phase) const {
    v1::AttemptTask task;
    task.mutable_spec()->set_script("train.py");
    if (fetch_hangs_) task.mutable_spec()->set_snapshot_digest(Sha256("snapshot").Hex());
    DesiredAttempt attempt;
    attempt.id = kId;
    attempt.phase = phase;
    attempt.task = std::make_shared<const std::string>(task.SerializeAsString());
    return attempt;
  }
  void Desire(std::vector<DesiredAttempt> attempts) {
    agent_->TakeDesired({7, ++version_, std::move(attempts)});
  }

  std::optional<ObservedAttempt> Observed() const {
    for (const ObservedAttempt& attempt : report_.attempts) {
      if (attempt.id == kId) return attempt;
    }
    return std::nullopt;
  }
  testing::AssertionResult RunUntilObserved(ObservedPhase phase) {
    return RunUntil(loop_, [&] { return Observed() && Observed()->phase == phase; });
  }
  testing::AssertionResult RunUntilCalled(const std::string& call) {
    return RunUntil(loop_, [&] {
      const auto calls = runner_.calls();
      return std::find(calls.begin(), calls.end(), call) != calls.end();
    });
  }

  boost::asio::io_context loop_;
  TemporaryDirectory directory_;
  FakeRunner runner_{directory_ / "attempts"};
  std::unique_ptr<Ledger> ledger_;
  std::unique_ptr<storage::BlobStore> blobs_;
  std::unique_ptr<BlobCache> cache_;
  FakeSink sink_;
  LogShipper shipper_{loop_, sink_, {}};
  RunOutputs outputs_{loop_, sink_};
  FakeTrackingSink tracking_sink_;
  AttemptTracking tracking_{loop_, tracking_sink_, sink_, NodeId("n")};
  std::uint64_t disk_reserve_ = 0;
  bool fetch_hangs_ = false;
  Result<std::string> fetched_ = std::string("/blob");
  Report report_;
  std::uint64_t version_ = 0;
  std::unique_ptr<AgentLoop> agent_;
  WorkerPool staging_workers_{2};
  WorkerPool ledger_workers_{1};
};

TEST_F(AgentLoopTest, AnAttemptGoesFromDesiredToRemoved) {
  StartAgent();
  Desire({Wanted(DesiredPhase::kRun)});
  ASSERT_TRUE(RunUntilCalled("launch"));
  const auto records = ledger_->Load();
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].phase, LedgerPhase::kLaunched);

  agent_->Running(kId);
  ASSERT_TRUE(RunUntilObserved(ObservedPhase::kRunning));
  agent_->Exited(kId, std::nullopt, "");
  ASSERT_TRUE(RunUntilObserved(ObservedPhase::kFinished));
  EXPECT_THAT(sink_.files, testing::SizeIs(4));
  EXPECT_THAT(sink_.files["azureml-logs/55_azureml-execution-n.txt"],
              testing::HasSubstr("on node n, node 0 of 1"));
  EXPECT_THAT(sink_.files["azureml-logs/process_info.json"], testing::HasSubstr(kId.job.str()));
  EXPECT_THAT(sink_.files["azureml-logs/65_job_prep-n.txt"], testing::HasSubstr("ready after"));
  EXPECT_THAT(sink_.files["azureml-logs/75_job_post-n.txt"], testing::HasSubstr("ended after"));

  Desire({});
  EXPECT_THAT(runner_.calls(), ElementsAre("prepare", "launch", "remove"));
  EXPECT_TRUE(ledger_->Load().empty());
}

TEST_F(AgentLoopTest, PreparedOnlyIsNotLaunched) {
  StartAgent();
  Desire({Wanted(DesiredPhase::kPrepare)});
  ASSERT_TRUE(RunUntilObserved(ObservedPhase::kReady));
  EXPECT_THAT(runner_.calls(), ElementsAre("prepare"));
  EXPECT_EQ(ledger_->Load().at(0).phase, LedgerPhase::kPreparing);
}

TEST_F(AgentLoopTest, AStopThatOvertakesTheLaunchLeavesNothingRunning) {
  StartAgent();
  Desire({Wanted(DesiredPhase::kPrepare)});
  ASSERT_TRUE(RunUntilObserved(ObservedPhase::kReady));
  Desire({Wanted(DesiredPhase::kRun)});
  Desire({Wanted(DesiredPhase::kKill)});
  ASSERT_TRUE(RunUntilObserved(ObservedPhase::kFinished));
  EXPECT_THAT(runner_.calls(), ElementsAre("prepare"));
}

TEST_F(AgentLoopTest, TheRunnerKnowsALeaseBeforeItLaunchesAndEveryRenewal) {
  StartAgent();
  const SteadyPoint sent = ReadClock().steady;
  agent_->HeartbeatAcked(sent);
  DesiredAttempt wanted = Wanted(DesiredPhase::kRun);
  wanted.lease = std::chrono::seconds(60);
  Desire({wanted});
  ASSERT_TRUE(RunUntilCalled("launch"));
  EXPECT_THAT(runner_.leases,
              ElementsAre(LeaseState{kId, sent + std::chrono::seconds(60), wanted.lease}));
  const SteadyPoint again = ReadClock().steady;
  agent_->HeartbeatAcked(again);
  EXPECT_THAT(runner_.leases,
              ElementsAre(LeaseState{kId, again + std::chrono::seconds(60), wanted.lease}));
  agent_->ServerLeaving(std::chrono::hours(1));
  EXPECT_GE(runner_.leases.at(0).until, again + std::chrono::hours(1));
}

TEST_F(AgentLoopTest, AFailedStagingIsReportedAndRemembered) {
  runner_.prepare_result =
      Fail(ErrorCode::kInvalidArgument, ErrorReason::kUnsafePath, "link leaves the snapshot");
  StartAgent();
  Desire({Wanted(DesiredPhase::kRun)});
  ASSERT_TRUE(RunUntilObserved(ObservedPhase::kFinished));
  EXPECT_EQ(Observed()->failure,
            (Failure{FailureCode::kStagingFailed, "link leaves the snapshot"}));
  const auto records = ledger_->Load();
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].failure, Observed()->failure);
}

TEST_F(AgentLoopTest, AFullDiskIsTheNodesFault) {
  runner_.prepare_result = Fail(ErrorCode::kInternal, ErrorReason::kIo,
                                "cannot write work/data: No space left on device");
  StartAgent();
  Desire({Wanted(DesiredPhase::kRun)});
  ASSERT_TRUE(RunUntilObserved(ObservedPhase::kFinished));
  EXPECT_EQ(Observed()->failure->code, FailureCode::kNodeDiskFull);
}

TEST_F(AgentLoopTest, BelowItsReserveTheNodeTakesNothing) {
  disk_reserve_ = 1ULL << 62;
  StartAgent();
  EXPECT_TRUE(report_.disk_low);
  Desire({Wanted(DesiredPhase::kRun)});
  ASSERT_TRUE(RunUntilObserved(ObservedPhase::kFinished));
  EXPECT_EQ(Observed()->failure->code, FailureCode::kNodeDiskFull);
  EXPECT_TRUE(runner_.calls().empty());
}

TEST_F(AgentLoopTest, AnAttemptThatIsNotWantedAnyMoreEndsItsDownload) {
  fetch_hangs_ = true;
  StartAgent();
  Desire({Wanted(DesiredPhase::kRun)});
  ASSERT_TRUE(RunUntilCalled("prepare"));
  Desire({});
  EXPECT_TRUE(RunUntilCalled("remove"));
  EXPECT_TRUE(ledger_->Load().empty());
}

TEST_F(AgentLoopTest, ACancelledAttemptEndsItsDownloadAndIsNotNotedAsFailed) {
  fetch_hangs_ = true;
  StartAgent();
  Desire({Wanted(DesiredPhase::kRun)});
  ASSERT_TRUE(RunUntilCalled("prepare"));
  Desire({Wanted(DesiredPhase::kTerminate)});
  EXPECT_TRUE(RunUntilObserved(ObservedPhase::kFinished));
  EXPECT_EQ(ledger_->Load().at(0).phase, LedgerPhase::kPreparing);
}

TEST_F(AgentLoopTest, ALowDiskIsClearedOfBlobsThatNoAttemptNames) {
  const std::string content = "a snapshot";
  const Digest digest = Sha256(content);
  auto writer = std::move(*blobs_->Create(digest, content.size()));
  ASSERT_TRUE(writer->Append(content));
  ASSERT_TRUE(writer->Commit());
  disk_reserve_ = 1ULL << 60;
  StartAgent();
  EXPECT_TRUE(RunUntil(loop_, [&] { return !blobs_->Has(digest); }));
}

TEST_F(AgentLoopTest, ALaunchThatFailsEndsTheAttempt) {
  runner_.launch_result = Fail(ErrorCode::kInternal, ErrorReason::kLaunch, "no shim");
  StartAgent();
  Desire({Wanted(DesiredPhase::kRun)});
  ASSERT_TRUE(RunUntilObserved(ObservedPhase::kFinished));
  EXPECT_EQ(Observed()->failure, (Failure{FailureCode::kLaunchFailed, "no shim"}));
  ASSERT_TRUE(RunUntil(loop_, [&] { return ledger_->Load().at(0).phase == LedgerPhase::kFailed; }));
}

TEST_F(AgentLoopTest, TheServersEpochIsRememberedBeforeItIsObeyed) {
  StartAgent();
  Desire({});
  EXPECT_EQ(Ledger::Open(directory_ / "ledger").value()->seen_epoch(), 7U);
}

TEST_F(AgentLoopTest, AfterARebootNothingOfBeforeIsLeftAlive) {
  RecoveredAttempt attempt;
  attempt.id = kId;
  attempt.phase = ObservedPhase::kRunning;
  std::filesystem::create_directories(runner_.LogDirectory(kId));
  StartAgent({attempt}, true);
  EXPECT_THAT(runner_.calls(), ElementsAre("kill"));
}

TEST_F(AgentLoopTest, ARecoveredAttemptShipsItsLogsAndGoes) {
  RecoveredAttempt attempt;
  attempt.id = kId;
  attempt.phase = ObservedPhase::kExited;
  std::filesystem::create_directories(runner_.LogDirectory(kId));
  directory_.Write("attempts/" + AttemptName(kId) + "/logs/70_driver_log.txt", "done\n");
  StartAgent({attempt});
  Desire({Wanted(DesiredPhase::kRun)});
  ASSERT_TRUE(RunUntilObserved(ObservedPhase::kFinished));
  EXPECT_EQ(sink_.files["azureml-logs/70_driver_log.txt"], "done\n");
}

}  // namespace
}  // namespace muster::agent
