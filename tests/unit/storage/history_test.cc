#include "storage/history.h"

#include <gtest/gtest.h>

#include "storage/sqlite/connection.h"
#include "tests/unit/storage/any_value.h"
#include "tests/unit/storage/state_directory.h"

namespace muster::storage {
namespace {

using scheduler::JobStatus;

class HistoryTest : public testing::Test {
 protected:
  HistoryTest() : database_(MustOpen(directory_.path())) {
    std::vector<Batch> batches{world_.Found()};
    for (int i = 1; i <= 250; ++i) {
      const std::string experiment = i % 10 == 0 ? "rare" : "digits";
      batches.push_back(world_.Submit(experiment + "_" + std::to_string(i), "given", "resolved"));
      batches_[JobId(experiment + "_" + std::to_string(i))] = batches.back();
    }
    batches.push_back(world_.Assign(JobId("digits_1"), {NodeId("n1"), NodeId("n2")}));
    batches.push_back(world_.Step({World::Changed(JobId("digits_1"), JobStatus::kRunning)}));
    batches.push_back(
        world_.Step({scheduler::AttemptPhaseChanged{{JobId("digits_1"), 1},
                                                    scheduler::AttemptPhase::kStopping,
                                                    scheduler::StopMode::kKill,
                                                    Lost()},
                     scheduler::AttemptPhaseChanged{{JobId("digits_1"), 1},
                                                    scheduler::AttemptPhase::kEnded,
                                                    scheduler::StopMode::kKill,
                                                    Lost()},
                     World::Changed(JobId("digits_1"), JobStatus::kQueued),
                     scheduler::AttemptCreated{{JobId("digits_1"), 2}, {NodeId("n3")}, 61'001},
                     World::Changed(JobId("digits_1"), JobStatus::kPreparing)}));
    Write(*database_, std::move(batches));
    history_ = std::move(*database_->OpenHistory());
  }

  static scheduler::Cause Lost() {
    scheduler::Cause cause;
    cause.code = scheduler::CauseCode::kNodeLost;
    cause.message = "node n2 was lost";
    cause.node = NodeId("n2");
    return cause;
  }
  std::vector<std::uint64_t> Sequences(const JobFilter& filter, std::uint64_t before,
                                       std::size_t limit) {
    std::vector<std::uint64_t> sequences;
    const auto page = history_->ListJobs(filter, before, limit, 1'000);
    for (const JobRecord& record : page->records) {
      sequences.push_back(record.job.sequence);
    }
    return sequences;
  }
  static JobFilter All() {
    return {.workspace = World::kWorkspace,
            .experiment = "",
            .statuses = {},
            .user = UserName(),
            .pool = PoolName()};
  }

  TemporaryDirectory directory_;
  World world_;
  std::map<JobId, Batch> batches_;
  std::unique_ptr<Database> database_;
  std::unique_ptr<History> history_;
};

TEST_F(HistoryTest, PagesGoFromTheNewestToTheOldestWithoutGaps) {
  std::vector<std::uint64_t> seen;
  std::uint64_t before = 0;
  while (true) {
    const auto page = Sequences(All(), before, 100);
    if (page.empty()) break;
    seen.insert(seen.end(), page.begin(), page.end());
    before = page.back();
  }
  ASSERT_EQ(seen.size(), 250U);
  for (std::size_t i = 0; i < 250; ++i) EXPECT_EQ(seen[i], 250 - i);
}

TEST_F(HistoryTest, FiltersCombine) {
  JobFilter filter = All();
  filter.experiment = "rare";
  EXPECT_EQ(Sequences(filter, 35, 10), (std::vector<std::uint64_t>{30, 20, 10}));
  filter.statuses = {JobStatus::kRunning, JobStatus::kPreparing};
  EXPECT_TRUE(Sequences(filter, 0, 10).empty());
  filter.experiment.clear();
  EXPECT_EQ(Sequences(filter, 0, 10), std::vector<std::uint64_t>{1});
  filter.user = UserName("bob");
  EXPECT_TRUE(Sequences(filter, 0, 10).empty());
  filter = All();
  filter.pool = PoolName("gpu");
  EXPECT_TRUE(Sequences(filter, 0, 10).empty());
  filter = All();
  filter.workspace = WorkspaceName("other");
  EXPECT_TRUE(Sequences(filter, 0, 10).empty());
}

TEST_F(HistoryTest, ARareFilterGivesShortPagesThatLeadToTheNext) {
  JobFilter filter = All();
  filter.experiment = "rare";
  const auto first = history_->ListJobs(filter, 0, 10, 25);
  ASSERT_TRUE(first) << first.error().message;
  ASSERT_EQ(first->records.size(), 3U);  // 250, 240, 230
  EXPECT_EQ(first->next_before, 226U);
  const auto empty = history_->ListJobs(filter, 230, 10, 5);
  EXPECT_TRUE(empty->records.empty());
  EXPECT_EQ(empty->next_before, 225U);
  const auto full = history_->ListJobs(filter, 0, 2, 25);
  EXPECT_EQ(full->records.size(), 2U);
  EXPECT_EQ(full->next_before, 240U);
  const auto last = history_->ListJobs(filter, 20, 10, 25);
  EXPECT_EQ(last->records.size(), 1U);
  EXPECT_EQ(last->next_before, 0U);
}

TEST_F(HistoryTest, AJobComesWithSpecsAndAttemptsButOnlyInItsWorkspace) {
  const auto record = history_->GetJob(World::kWorkspace, JobId("digits_1"));
  ASSERT_TRUE(record && *record);
  EXPECT_EQ((*record)->given_spec, "given");
  EXPECT_EQ((*record)->resolved_spec, "resolved");
  EXPECT_EQ(*(*record)->job.spec, "resolved");
  EXPECT_EQ((*record)->job.status, JobStatus::kPreparing);
  ASSERT_EQ((*record)->attempts.size(), 2U);
  EXPECT_EQ((*record)->attempts[0].cause, Lost());
  EXPECT_EQ((*record)->attempts[1].nodes[0].node, NodeId("n3"));
  EXPECT_EQ(*history_->GetJob(WorkspaceName("other"), JobId("digits_1")), std::nullopt);
  EXPECT_EQ(*history_->GetJob(World::kWorkspace, JobId("digits_9999")), std::nullopt);
}

TEST_F(HistoryTest, ChangesOfAJobTellStatusAndAttemptOfTheMoment) {
  const auto changes = history_->JobChanges(World::kWorkspace, JobId("digits_1"), 0, 100);
  ASSERT_TRUE(changes) << changes.error().message;
  std::vector<std::pair<JobStatus, std::uint32_t>> seen;
  for (const JobChange& change : *changes) seen.emplace_back(change.status, change.attempt);
  // The last two were one batch.
  EXPECT_EQ(seen, (std::vector<std::pair<JobStatus, std::uint32_t>>{{JobStatus::kQueued, 0},
                                                                    {JobStatus::kPreparing, 1},
                                                                    {JobStatus::kRunning, 1},
                                                                    {JobStatus::kQueued, 1},
                                                                    {JobStatus::kPreparing, 2}}));
  const auto rest =
      history_->JobChanges(World::kWorkspace, JobId("digits_1"), (*changes)[2].sequence, 1);
  ASSERT_EQ(rest->size(), 1U);
  EXPECT_EQ((*rest)[0].sequence, (*changes)[3].sequence);
  EXPECT_TRUE(history_->JobChanges(WorkspaceName("other"), JobId("digits_1"), 0, 9)->empty());
}

TEST_F(HistoryTest, ChangesOfAllJobsResumeAtASequence) {
  std::size_t count = 0;
  std::uint64_t after = 0;
  while (true) {
    const auto changes = history_->JobChanges(World::kWorkspace, JobId(), after, 100);
    ASSERT_TRUE(changes);
    if (changes->empty()) break;
    for (const JobChange& change : *changes) {
      EXPECT_GT(change.sequence, after);
      after = change.sequence;
      ++count;
    }
  }
  EXPECT_EQ(count, 254U);
}

TEST_F(HistoryTest, EventsComeBackWholeSpecsIncluded) {
  const auto events = history_->Events(0, 10'000);
  ASSERT_TRUE(events);
  ASSERT_EQ(events->size(), world_.state().last_sequence);
  std::size_t compared = 0;
  for (const scheduler::Event& event : *events) {
    const auto* submitted = std::get_if<scheduler::JobSubmitted>(&event.body);
    if (submitted == nullptr) continue;
    const scheduler::Event& want = batches_.at(submitted->id).events.front();
    EXPECT_TRUE(Same(*submitted, std::get<scheduler::JobSubmitted>(want.body)));
    EXPECT_EQ(event.time, want.time);
    ++compared;
  }
  EXPECT_EQ(compared, 250U);
  EXPECT_EQ(history_->Events(5, 3)->front().sequence, 6U);
}

TEST_F(HistoryTest, AReaderSeesWhatIsWrittenLaterAndWritesNothing) {
  Write(*database_, {world_.Submit("late_1", "same", "same")});
  const auto record = history_->GetJob(World::kWorkspace, JobId("late_1"));
  ASSERT_TRUE(record && *record);
  EXPECT_EQ((*record)->given_spec, "same");
  EXPECT_EQ((*record)->resolved_spec, "same");
}

TEST_F(HistoryTest, NothingComesAfterASequenceBeyondAll) {
  EXPECT_TRUE(history_->JobChanges(World::kWorkspace, JobId(), UINT64_MAX, 10)->empty());
  EXPECT_TRUE(history_->JobChanges(World::kWorkspace, JobId("digits_1"), UINT64_MAX, 10)->empty());
  EXPECT_EQ(Sequences(All(), UINT64_MAX, 1), Sequences(All(), 0, 1));
}

TEST_F(HistoryTest, FsckNamesEachDifference) {
  ASSERT_TRUE(database_->Fsck()->empty());
  auto connection = Connection::Open(directory_ / "state.db", Connection::Mode::kReadWrite);
  ASSERT_TRUE(connection->Execute(
      "UPDATE jobs SET data = (SELECT data FROM jobs WHERE sequence = 2) WHERE sequence = 3;"
      "DELETE FROM nodes WHERE node_id = 'n3';"
      "INSERT INTO workspaces VALUES ('ghost');"
      "UPDATE server SET epoch = 9;"
      "DELETE FROM job_specs WHERE job_sequence = 4"));
  const auto differences = database_->Fsck();
  ASSERT_TRUE(differences);
  const std::string all = testing::PrintToString(*differences);
  for (const char* part :
       {"digits_3 has no row", "n3 has no row", "ghost", "the epoch", "digits_4 has no specs"}) {
    EXPECT_NE(all.find(part), std::string::npos) << part << " in " << all;
  }
  ASSERT_TRUE(connection->Execute("DELETE FROM events WHERE sequence = 9"));
  EXPECT_NE(testing::PrintToString(*database_->Fsck()).find("9 to 9 are missing"),
            std::string::npos);
}

}  // namespace
}  // namespace muster::storage
