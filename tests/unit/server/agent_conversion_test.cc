#include "server/rpc/agent_conversion.h"

#include <gtest/gtest.h>

#include "muster/v1/jobs.pb.h"

namespace muster::server {
namespace {

namespace v1 = muster::v1;

scheduler::DesiredAttempt Desired(const std::string& job) {
  v1::JobSpec spec;
  spec.set_experiment("e");
  v1::DataReference& reference = *spec.add_data_references();
  reference.set_name("data");
  reference.set_datastore("Store");
  reference.set_path("a/b");
  auto task = std::make_shared<scheduler::AttemptTask>();
  task->spec = std::make_shared<const std::string>(spec.SerializeAsString());
  task->datastores = {{DatastoreName("store"), "/srv"}, {DatastoreName("store"), "/srv"}};
  scheduler::DesiredAttempt attempt;
  attempt.id = AttemptId{JobId(job), 1};
  attempt.phase = scheduler::DesiredPhase::kRun;
  attempt.task = std::move(task);
  attempt.grace_period = std::chrono::seconds(3);
  return attempt;
}

TEST(DesiredToProto, ATaskIsSentOnceInASession) {
  SentTasks sent;
  v1::Desired first;
  DesiredToProto(scheduler::SendDesired{NodeId("n"), 1, 1, 1, {Desired("a")}}, sent, first);
  ASSERT_TRUE(first.attempts(0).has_task());
  EXPECT_EQ(first.attempts(0).grace_period_ms(), 3'000);
  v1::Desired second;
  DesiredToProto(scheduler::SendDesired{NodeId("n"), 1, 1, 2, {Desired("a"), Desired("b")}}, sent,
                 second);
  EXPECT_FALSE(second.attempts(0).has_task());
  EXPECT_TRUE(second.attempts(1).has_task());
}

TEST(DesiredToProto, AnAttemptThatLeftTheLevelIsForgotten) {
  SentTasks sent;
  v1::Desired message;
  DesiredToProto(scheduler::SendDesired{NodeId("n"), 1, 1, 1, {Desired("a")}}, sent, message);
  message.Clear();
  DesiredToProto(scheduler::SendDesired{NodeId("n"), 1, 1, 2, {}}, sent, message);
  EXPECT_TRUE(sent.empty());
}

TEST(DesiredToProto, ManyLargeTasksComeInSeveralMessages) {
  scheduler::SendDesired level{NodeId("n"), 1, 1, 1, {}};
  for (int job = 0; job < 10; ++job) {
    scheduler::DesiredAttempt attempt = Desired("job" + std::to_string(job));
    auto task = std::make_shared<scheduler::AttemptTask>(*attempt.task);
    v1::JobSpec spec;
    spec.set_experiment("e");
    spec.add_arguments(std::string((2 << 20) - 1'000, 'x'));
    task->spec = std::make_shared<const std::string>(spec.SerializeAsString());
    attempt.task = std::move(task);
    level.attempts.push_back(std::move(attempt));
  }
  SentTasks sent;
  int tasks = 0;
  int messages = 0;
  for (bool complete = false; !complete; ++messages) {
    ASSERT_LT(messages, 10);
    v1::Desired message;
    complete = DesiredToProto(level, sent, message);
    EXPECT_LE(message.ByteSizeLong(), std::size_t{9} << 20);
    EXPECT_EQ(message.version(), 1U);
    ASSERT_EQ(message.attempts_size(), 10) << "each is a whole level";
    for (const v1::DesiredAttempt& attempt : message.attempts()) tasks += attempt.has_task();
  }
  EXPECT_EQ(tasks, 10);
  EXPECT_EQ(messages, 3);
}

TEST(DesiredToProto, DataIsResolvedToAPathOnTheNode) {
  SentTasks sent;
  v1::Desired message;
  DesiredToProto(scheduler::SendDesired{NodeId("n"), 1, 1, 1, {Desired("a")}}, sent, message);
  ASSERT_EQ(message.attempts(0).task().data_size(), 1);
  EXPECT_EQ(message.attempts(0).task().data(0).name(), "data");
  EXPECT_EQ(message.attempts(0).task().data(0).local_path(), "/srv/a/b");
}

TEST(ReportFromProto, DecodesRanksAndFailures) {
  v1::Report report;
  report.set_sequence(4);
  v1::ObservedAttempt& attempt = *report.add_attempts();
  attempt.set_job_id("j");
  attempt.set_attempt(2);
  attempt.set_phase(v1::OBSERVED_PHASE_EXITED);
  v1::ObservedRank& running = *attempt.add_ranks();
  running.set_started_us(5);
  v1::ObservedRank& killed = *attempt.add_ranks();
  killed.set_rank(1);
  killed.set_ended_us(9);
  killed.set_signal(11);
  attempt.mutable_failure()->set_code(v1::CAUSE_CODE_SHIM_LOST);
  const auto decoded = ReportFromProto(NodeId("n"), 3, report);
  ASSERT_TRUE(decoded);
  ASSERT_EQ(decoded->attempts.size(), 1U);
  const scheduler::ObservedAttempt& observed = decoded->attempts[0];
  EXPECT_EQ(observed.id, (AttemptId{JobId("j"), 2}));
  EXPECT_FALSE(observed.ranks[0].ended.has_value());
  EXPECT_EQ(observed.ranks[1].signal, 11);
  EXPECT_FALSE(observed.ranks[1].exit_code.has_value());
  EXPECT_EQ(observed.failure->code, scheduler::CauseCode::kShimLost);
}

TEST(ReportFromProto, EntriesOfOneAttemptThatFollowEachOtherAreOne) {
  v1::Report report;
  for (int i = 0; i < 2; ++i) {
    v1::ObservedAttempt& attempt = *report.add_attempts();
    attempt.set_job_id("j");
    attempt.set_attempt(1);
    attempt.set_phase(v1::OBSERVED_PHASE_RUNNING);
    attempt.add_daemon_requests()->set_id(static_cast<std::uint64_t>(i));
  }
  report.mutable_attempts(0)->add_ranks();
  const auto decoded = ReportFromProto(NodeId("n"), 1, report);
  ASSERT_TRUE(decoded);
  ASSERT_EQ(decoded->attempts.size(), 1U);
  EXPECT_EQ(decoded->attempts[0].ranks.size(), 1U);
  ASSERT_EQ(decoded->attempts[0].daemon_requests.size(), 2U);
  EXPECT_EQ(decoded->attempts[0].daemon_requests[1].id, 1U);
  for (int i = 0; i < 10'000; ++i) report.mutable_attempts(0)->add_daemon_requests();
  EXPECT_FALSE(ReportFromProto(NodeId("n"), 1, report));
}

TEST(ReportFromProto, RefusesWhatIsOverALimit) {
  v1::Report no_phase;
  no_phase.add_attempts();
  EXPECT_FALSE(ReportFromProto(NodeId("n"), 1, no_phase));
  v1::Report long_tail;
  long_tail.add_attempts()->set_phase(v1::OBSERVED_PHASE_RUNNING);
  long_tail.mutable_attempts(0)->set_last_log_lines(std::string(4'097, 'x'));
  EXPECT_FALSE(ReportFromProto(NodeId("n"), 1, long_tail));
  v1::Report many_words;
  many_words.add_attempts()->set_phase(v1::OBSERVED_PHASE_RUNNING);
  v1::DaemonRequest& request = *many_words.mutable_attempts(0)->add_daemon_requests();
  for (int i = 0; i < 257; ++i) request.add_arguments("x");
  EXPECT_FALSE(ReportFromProto(NodeId("n"), 1, many_words));
}

}  // namespace
}  // namespace muster::server
