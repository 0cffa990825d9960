#include "cli/format.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>

#include "cli/job_report.h"
#include "cli/log_name.h"

namespace muster::cli {
namespace {

namespace v1 = muster::v1;

TEST(Format, TimesAreLocalAndAbsentOnesEmpty) {
  setenv("TZ", "UTC-2", 1);
  tzset();
  EXPECT_EQ(FormatLocalTime(1'795'500'722'999'999), "2026-11-24 08:12:02");
  EXPECT_EQ(FormatLocalTime(0), "");
  setenv("TZ", "UTC", 1);
  tzset();
  EXPECT_EQ(FormatLocalTime(1'795'500'722'000'000), "2026-11-24 06:12:02");
}

TEST(Format, SpansOfWhatStillRunsCountUpToNow) {
  EXPECT_EQ(FormatSpan(0, 0, 5'000'000), "");
  EXPECT_EQ(FormatSpan(1'000'000, 3'500'000, 9'000'000), "2.5 s");
  EXPECT_EQ(FormatSpan(1'000'000, 0, 246'000'000), "4 min 5 s");
  EXPECT_EQ(FormatSpan(5'000'000, 4'000'000, 9'000'000), "0 ms");
}

TEST(Format, Bytes) {
  EXPECT_EQ(FormatBytes(0), "0 B");
  EXPECT_EQ(FormatBytes(1023), "1023 B");
  EXPECT_EQ(FormatBytes(1024), "1.0 KiB");
  EXPECT_EQ(FormatBytes(1024 * 1024 - 1), "1.0 MiB");
  EXPECT_EQ(FormatBytes(5ULL << 40), "5.0 TiB");
}

TEST(Format, EveryStatusHasANameThatParsesBack) {
  for (int i = v1::JobStatus_MIN; i <= v1::JobStatus_MAX; ++i) {
    const auto status = static_cast<v1::JobStatus>(i);
    if (status == v1::JOB_STATUS_UNSPECIFIED) continue;
    EXPECT_EQ(ParseStatus(StatusName(status)), status) << i;
  }
  EXPECT_EQ(ParseStatus("canceLREQUESTED"), v1::JOB_STATUS_CANCEL_REQUESTED);
  EXPECT_EQ(ParseStatus("Cancelled"), v1::JOB_STATUS_UNSPECIFIED);
  EXPECT_EQ(NodeStateName(v1::NODE_STATE_UNUSABLE), "unusable");
}

v1::Job FailedJob() {
  v1::Job job;
  job.set_id("digits_1_a");
  job.set_experiment("digits");
  job.set_status(v1::JOB_STATUS_FAILED);
  job.set_node_count(2);
  job.set_process_count_per_node(1);
  job.set_pool("default");
  job.mutable_cause()->set_message("rank 1 on n2 was ended by SIGSEGV");
  v1::AttemptInfo& attempt = *job.add_attempts();
  attempt.set_number(1);
  attempt.set_phase("Ended");
  attempt.add_node_ids("n1");
  attempt.add_node_ids("n2");
  attempt.set_last_log_lines("one\ntwo\x1b[2J\n");
  attempt.add_ranks()->set_exit_code(143);
  v1::RankResult& second = *attempt.add_ranks();
  second.set_rank(1);
  second.set_node_id("n2");
  second.set_signal(11);
  return job;
}

TEST(JobReport, SaysCauseRanksAndLastLines) {
  const std::string report = ReportJob(FailedJob(), 0, 0);
  EXPECT_NE(report.find("Cause       rank 1 on n2 was ended by SIGSEGV\n"), std::string::npos)
      << report;
  EXPECT_NE(report.find("Size        2 nodes x 1 process = 2 ranks\n"), std::string::npos);
  EXPECT_NE(report.find("n1, n2"), std::string::npos);
  EXPECT_NE(report.find("exit 143"), std::string::npos);
  EXPECT_NE(report.find("   1  n2    SIGSEGV"), std::string::npos) << report;
  EXPECT_NE(report.find("  one\n  two?[2J\n"), std::string::npos) << report;
}

TEST(JobReport, SaysWhyAJobWaits) {
  v1::Job job;
  job.set_status(v1::JOB_STATUS_QUEUED);
  job.mutable_pending()->set_message("needs 2 nodes of 4 slots; pool has 3, 1 idle");
  job.mutable_pending()->set_position(2);
  EXPECT_NE(ReportJob(job, 0, 0).find("needs 2 nodes of 4 slots; pool has 3, 1 idle "
                                      "(place 2 in the queue)"),
            std::string::npos);
}

TEST(LogName, FollowsTheNumberOfRanks) {
  v1::Job job;
  EXPECT_EQ(ChooseLog(job, {}), "azureml-logs/70_driver_log.txt");
  job.set_node_count(2);
  job.set_process_count_per_node(2);
  EXPECT_EQ(ChooseLog(job, {}), "azureml-logs/70_driver_log_0.txt");
  EXPECT_EQ(ChooseLog(job, {3, {}}), "azureml-logs/70_driver_log_3.txt");
  const auto none = ChooseLog(job, {4, {}});
  ASSERT_FALSE(none);
  EXPECT_NE(none.error().message.find("ranks 0 to 3"), std::string::npos);
}

TEST(LogName, AFileWithoutADirectoryIsALog) {
  EXPECT_EQ(ChooseLog({}, {{}, "70_mpi_log.txt"}), "azureml-logs/70_mpi_log.txt");
  EXPECT_EQ(ChooseLog({}, {{}, "logs/train.csv"}), "logs/train.csv");
}

}  // namespace
}  // namespace muster::cli
