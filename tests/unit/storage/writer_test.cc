#include "storage/sqlite/writer.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <thread>

#include "base/random.h"
#include "storage/sqlite/connection.h"
#include "storage/sqlite/latest.h"
#include "tests/unit/storage/state_directory.h"

namespace muster::storage {
namespace {

TEST(Writer, CallbacksComeOnceInOrderAndAGroupIsOnePost) {
  const TemporaryDirectory directory;
  auto database = MustOpen(directory.path());
  World world;
  std::vector<int> order;
  int posts = 0;
  // Both run on the writer's thread; StopWriter joins it before they are read.
  Store& store = database->StartWriter([&posts](std::function<void()> run) {
    ++posts;
    run();
  });
  store.Append(world.Found(), [&order] { order.push_back(-1); });
  for (int i = 0; i < 500; ++i) {
    // Every third one has nothing to write, and still keeps its place.
    Batch batch =
        i % 3 == 0 ? Batch{} : world.Submit("j_" + std::to_string(i), "spec", "resolved spec");
    store.Append(std::move(batch), [&order, i] { order.push_back(i); });
  }
  database->StopWriter();
  ASSERT_EQ(order.size(), 501U);
  for (int i = 0; i < 501; ++i) EXPECT_EQ(order[static_cast<std::size_t>(i)], i - 1);
  EXPECT_LE(posts, 501);
  EXPECT_GE(posts, 1);
  EXPECT_TRUE(database->Fsck()->empty());
}

TEST(Writer, TheLastRowOfAGroupWins) {
  World world;
  const Batch found = world.Found();
  const Batch first = world.Submit("j_1", "s", "s");
  const Batch second = world.Assign(JobId("j_1"), {NodeId("n1")});
  const Batch removed = world.Step({scheduler::NodeRemoved{NodeId("n3")}});
  const Batch* group[] = {&found, &first, &second, &removed};
  const LatestRows latest = PickLatest(group);
  ASSERT_EQ(latest.jobs.size(), 1U);
  EXPECT_EQ(latest.jobs[0]->status, scheduler::JobStatus::kPreparing);
  EXPECT_EQ(latest.nodes.at(NodeId("n3")), nullptr);
  EXPECT_NE(latest.nodes.at(NodeId("n2")), nullptr);
}

TEST(Writer, TheLogDoesNotGrowForEver) {
  const TemporaryDirectory directory;
  auto database = MustOpen(directory.path());
  World world;
  Store& store = database->StartWriter([](std::function<void()> run) { run(); });
  store.Append(world.Found(), [] {});
  const std::string spec(64'000, 's');
  for (int i = 0; i < 3'000; ++i) {
    store.Append(world.Submit("j_" + std::to_string(i), spec, spec), [] {});
  }
  database->StopWriter();
  // 190 MB went through it; it is cut when the writer stops.
  const std::string log = directory / "state.db-wal";
  EXPECT_TRUE(!std::filesystem::exists(log) || std::filesystem::file_size(log) == 0);
  EXPECT_EQ(database->Load()->jobs.size(), 3'000U);
}

// A child appends submits as fast as they become durable, and says which are.
[[noreturn]] void AppendForEver(const std::string& directory, int reports) {
  auto database = MustOpen(directory);
  World world(std::move(*database->Load()));
  std::atomic<int> queued{0};
  Store& store = database->StartWriter([](std::function<void()> run) { run(); });
  if (world.state().pools.empty()) store.Append(world.Found(), [] {});
  const std::string spec(3'000, 's');
  while (true) {
    const std::uint64_t sequence = world.state().last_job_sequence + 1;
    ++queued;
    store.Append(world.Submit("j_" + std::to_string(sequence), spec, spec + "r"), [=, &queued] {
      if (::write(reports, &sequence, sizeof sequence) != sizeof sequence) ::_exit(2);
      --queued;
    });
    while (queued > 64) std::this_thread::yield();
  }
}

std::int64_t Count(const TemporaryDirectory& directory, const char* sql) {
  auto connection = Connection::Open(directory / "state.db", Connection::Mode::kReadOnly);
  return connection->QueryInteger(sql).value_or(-1);
}

void KillOnce(const TemporaryDirectory& directory, std::uint64_t kill_after,
              std::uint64_t& last_durable) {
  int pipe_ends[2];
  ASSERT_EQ(::pipe(pipe_ends), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(pipe_ends[0]);
    AppendForEver(directory.path(), pipe_ends[1]);
  }
  ::close(pipe_ends[1]);
  std::uint64_t sequence = 0;
  for (std::uint64_t seen = 0; ::read(pipe_ends[0], &sequence, sizeof sequence) == sizeof sequence;
       ++seen) {
    EXPECT_EQ(sequence, last_durable + 1) << "reported in order, once";
    last_durable = sequence;
    if (seen == kill_after) ::kill(child, SIGKILL);
  }
  ::close(pipe_ends[0]);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

TEST(WriterCrash, WhatWasReportedIsThereAndBatchesAreWhole) {
  const TemporaryDirectory directory;
  SeededRandom random(20261124);
  std::uint64_t last_durable = 0;
  for (int round = 0; round < 12; ++round) {
    KillOnce(directory, random.Below(400), last_durable);
    auto database = MustOpen(directory.path());
    const auto state = database->Load();
    ASSERT_TRUE(state) << state.error().message;
    EXPECT_GE(state->jobs.size(), last_durable);
    EXPECT_EQ(state->jobs.size(), state->last_job_sequence);
    // What was written but not reported is whole, and counts from now on.
    last_durable = state->last_job_sequence;
    const auto jobs = static_cast<std::int64_t>(last_durable);
    EXPECT_EQ(Count(directory, "SELECT count(*) FROM job_specs"), jobs);
    EXPECT_EQ(Count(directory, "SELECT count(*) FROM answered_requests"), jobs);
    EXPECT_EQ(Count(directory, "SELECT count(*) FROM events WHERE kind = 3"), jobs);
    EXPECT_EQ(Count(directory, "SELECT count(*) FROM events WHERE kind = 2"), jobs);
    const auto differences = database->Fsck();
    ASSERT_TRUE(differences);
    EXPECT_TRUE(differences->empty()) << differences->front();
  }
  EXPECT_GT(last_durable, 100U);
}

TEST(WriterDeathTest, ABatchThatCannotBeWrittenEndsTheProcessWithoutItsCallback) {
  GTEST_FLAG_SET(death_test_style, "fast");  // no thread runs here, and the directory is ours
  const TemporaryDirectory directory;
  const auto write_twice = [&directory] {
    auto database = MustOpen(directory.path());
    World world;
    Store& store = database->StartWriter([](std::function<void()> run) { run(); });
    Batch batch = world.Found();
    store.Append(batch, [] {});
    // The same sequence numbers again: the table refuses them.
    store.Append(batch, [] { ::_exit(0); });
    database->StopWriter();
    ::_exit(0);
  };
  EXPECT_DEATH(write_twice(), "a commit failed");
}

}  // namespace
}  // namespace muster::storage
