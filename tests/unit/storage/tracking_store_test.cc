// tracking.db: what was acknowledged stays, what comes again counts once, everything has a bound.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cmath>
#include <csignal>
#include <latch>
#include <limits>
#include <thread>

#include "base/random.h"
#include "storage/sqlite/connection.h"
#include "storage/tracking/store.h"
#include "tests/unit/storage/tracking_fixture.h"

namespace muster::storage {
namespace {

std::vector<std::int64_t> Integers(const std::vector<Metric>& metrics) {
  std::vector<std::int64_t> out;
  for (const Metric& metric : metrics) out.push_back(std::get<std::int64_t>(metric.value));
  return out;
}

TEST(TrackingStore, ARunIsThereAgainAfterAStart) {
  TrackedDirectory tracked;
  NewRun wanted = Interactive("r1");
  wanted.display_name = "first";
  wanted.tags = {{"a", "b"}, {"bare", std::nullopt}};
  wanted.properties = {{"commit", "abc"}};
  tracked.MustDo(ChangeOf(CreateRuns{{wanted, ChildOf("r1", "r2")}}));
  const TrackedRun before = tracked.Run("r1");
  tracked.Close();
  tracked.Open();
  EXPECT_EQ(tracked.Run("r1"), before);
  EXPECT_EQ(before.tags, wanted.tags);
  EXPECT_EQ(tracked.Run("r2").parent, RunId("r1"));
  EXPECT_FALSE(*tracked.reader().GetRun(WorkspaceName("other"), RunId("r1")));
}

TEST(TrackingStore, TheFileIsItsOwnersAloneAndInWriteAheadMode) {
  TrackedDirectory tracked;
  const std::string path = tracked.directory() / "tracking.db";
  struct stat info {};
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
  auto connection = Connection::Open(path, Connection::Mode::kReadOnly);
  EXPECT_EQ(*connection->QueryText("PRAGMA journal_mode"), "wal");
  EXPECT_EQ(*connection->QueryInteger("PRAGMA user_version"), 2);
}

TEST(TrackingStore, ADatabaseOfANewerProgramIsRefused) {
  TrackedDirectory tracked;
  tracked.Close();
  {
    auto connection =
        Connection::Open(tracked.directory() / "tracking.db", Connection::Mode::kReadWrite);
    ASSERT_TRUE(connection->Execute("PRAGMA user_version = 3"));
  }
  const auto opened = TrackingStore::Open(tracked.directory().path(), {});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().reason, ErrorReason::kSchemaTooNew);
}

TEST(TrackingStore, MakingARunAgainChangesNothingAndAnotherIsRefused) {
  TrackedDirectory tracked;
  tracked.MustDo(ChangeOf(CreateRuns{{Interactive("r1")}}));
  tracked.MustDo(ChangeOf(CreateRuns{{Interactive("r1"), Interactive("r2")}}));
  EXPECT_EQ(tracked.reader().ListRuns({kTrackedWorkspace, "", {}}, 0, 10)->runs.size(), 2U);
  const auto refused =
      tracked.Do(ChangeOf(CreateRuns{{Interactive("r3"), Interactive("r1", "other")}}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, ErrorReason::kNameTaken);
  EXPECT_FALSE(*tracked.reader().GetRun(kTrackedWorkspace, RunId("r3"))) << "all or none";
}

TEST(TrackingStore, ARequestThatComesAgainIsAnsweredAndItsKeyServesNoOther) {
  TrackingLimits limits;
  limits.max_remembered_requests = 2;
  TrackedDirectory tracked(limits);
  tracked.MustDo(ChangeOf(CreateRuns{{Interactive("r1")}}, "ann", "k1"));
  UpdateRun tag{RunId("r1"), {{"a", "1"}}, {}, {}, {}, false, {}, "", ""};
  tracked.MustDo(ChangeOf(tag, "ann", "k2"));
  tag.set_tags = {{"a", "2"}};
  auto other = ChangeOf(tag, "ann", "k2");
  other.idempotency.request_digest = Sha256("another");
  EXPECT_EQ(tracked.Do(other).error().reason, ErrorReason::kIdempotencyKeyReused);
  tracked.MustDo(ChangeOf(tag, "ann", "k3"));
  // The first one is late: it does not undo the second.
  tag.set_tags = {{"a", "1"}};
  tracked.MustDo(ChangeOf(tag, "ann", "k2"));
  EXPECT_EQ(tracked.Run("r1").tags, (Tags{{"a", "2"}}));
  // Only so many are remembered.
  auto forgotten = ChangeOf(tag, "ann", "k1");
  EXPECT_TRUE(tracked.Do(forgotten));
}

TEST(TrackingStore, WhatIsSentAgainIsCountedOnce) {
  TrackedDirectory tracked;
  tracked.MustDo(ChangeOf(CreateRuns{{Interactive("r1")}}));
  EXPECT_EQ(tracked.Do(ChangeOf(Values("r1", 0, 3)))->next, 3U);
  EXPECT_EQ(tracked.Do(ChangeOf(Values("r1", 0, 3)))->next, 3U);
  EXPECT_EQ(tracked.Do(ChangeOf(Values("r1", 2, 3)))->next, 5U) << "overlaps";
  EXPECT_EQ(tracked.Do(ChangeOf(Values("r1", 1, 1)))->next, 5U);
  EXPECT_EQ(Integers(tracked.Metrics("r1")), (std::vector<std::int64_t>{0, 1, 2, 3, 4}));
  EXPECT_EQ(tracked.Run("r1").metric_values, 5U);

  const auto gap = tracked.Do(ChangeOf(Values("r1", 6, 1)));
  ASSERT_FALSE(gap);
  EXPECT_EQ(gap.error().code, ErrorCode::kOutOfRange);
  // Another process counts for itself.
  EXPECT_EQ(tracked.Do(ChangeOf(Values("r1", 0, 2, "loss", "v")))->next, 2U);
  EXPECT_EQ(tracked.Metrics("r1").size(), 7U);
}

TEST(TrackingStore, ValuesAreKeptAsTheyCame) {
  TrackedDirectory tracked;
  tracked.MustDo(ChangeOf(CreateRuns{{Interactive("r1")}}));
  AppendMetrics append{RunId("r1"), "w", 0, {}};
  const double infinity = std::numeric_limits<double>::infinity();
  append.values = {Scalar("loss", std::nan("")), Scalar("loss", infinity),
                   Scalar("loss", -infinity),    Scalar("loss", -0.0),
                   Scalar("note", "good"),       Scalar("count", std::int64_t{-7})};
  Metric row = Scalar("row", R"({"a":1,"b":{"f":"NaN"}})");
  row.kind = MetricKind::kRow;
  row.step = 12;
  row.time = FromMicros(5);
  row.description = "of the last layer";
  append.values.push_back(row);
  tracked.MustDo(ChangeOf(append));

  const std::vector<Metric> read = tracked.Metrics("r1", "", 2);
  ASSERT_EQ(read.size(), 7U);
  EXPECT_TRUE(std::isnan(std::get<double>(read[0].value)));
  EXPECT_EQ(std::get<double>(read[1].value), infinity);
  EXPECT_EQ(std::get<double>(read[2].value), -infinity);
  EXPECT_TRUE(std::signbit(std::get<double>(read[3].value)));
  EXPECT_EQ(std::get<std::string>(read[4].value), "good");
  EXPECT_EQ(std::get<std::int64_t>(read[5].value), -7);
  EXPECT_EQ(read[6].kind, MetricKind::kRow);
  EXPECT_EQ(read[6].value, row.value);
  EXPECT_EQ(read[6].step, row.step);
  EXPECT_EQ(read[6].time, row.time);
  EXPECT_EQ(read[6].description, row.description);
  EXPECT_FALSE(read[0].step);
  EXPECT_EQ(tracked.Metrics("r1", "note").size(), 1U);
  EXPECT_TRUE(tracked.Metrics("r1", "unheard of").empty());
}

TEST(TrackingStore, ARunHasSoManyNamesAndValues) {
  TrackingLimits limits;
  limits.max_metric_names = 2;
  limits.max_metric_values = 10;
  TrackedDirectory tracked(limits);
  tracked.MustDo(ChangeOf(CreateRuns{{Interactive("r1")}}));
  tracked.MustDo(ChangeOf(Values("r1", 0, 1, "a")));
  tracked.MustDo(ChangeOf(Values("r1", 1, 1, "b")));
  const auto third = tracked.Do(ChangeOf(Values("r1", 2, 1, "c")));
  ASSERT_FALSE(third);
  EXPECT_NE(third.error().message.find("max_run_metric_names"), std::string::npos);
  const auto eleven = tracked.Do(ChangeOf(Values("r1", 2, 9, "b")));
  ASSERT_FALSE(eleven);
  EXPECT_NE(eleven.error().message.find("max_run_metric_values"), std::string::npos);
  EXPECT_EQ(tracked.Do(ChangeOf(Values("r1", 2, 8, "b")))->next, 10U) << "refused whole";
}

TEST(TrackingStore, AJobHasARecordFromItsFirstChangeOn) {
  TrackedDirectory tracked;
  const auto unknown = tracked.Do(ChangeOf(Values("d_1_aa", 0, 1)));
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().reason, ErrorReason::kUnknownRun);
  auto change = ChangeOf(Values("d_1_aa", 0, 1));
  change.jobs = {{RunId("d_1_aa"), "digits", UserName("ann"), FromMicros(7), {{"lr", "0.1"}}}};
  tracked.MustDo(change);
  EXPECT_EQ(tracked.Run("d_1_aa").kind, RunKind::kJob);
  EXPECT_EQ(tracked.Run("d_1_aa").tags, (Tags{{"lr", "0.1"}}));
  EXPECT_TRUE(tracked.reader().ListRuns({kTrackedWorkspace, "", {}}, 0, 10)->runs.empty());
}

TEST(TrackingStore, AListGoesBackwardsInPages) {
  TrackedDirectory tracked;
  CreateRuns create;
  for (int i = 0; i < 5; ++i) create.runs.push_back(Interactive("r" + std::to_string(i)));
  create.runs.push_back(ChildOf("r0", "c0"));
  create.runs.push_back(Interactive("x", "other"));
  tracked.MustDo(ChangeOf(create));
  const auto ids = [&](const RunFilter& filter) {
    std::string out;
    for (std::uint64_t before = 0;;) {
      const auto page = tracked.reader().ListRuns(filter, before, 2);
      for (const TrackedRun& run : page->runs) out += run.id.str() + " ";
      if (page->next_before == 0) return out;
      before = page->next_before;
    }
  };
  EXPECT_EQ(ids({kTrackedWorkspace, "", {}}), "x c0 r4 r3 r2 r1 r0 ");
  EXPECT_EQ(ids({kTrackedWorkspace, "", RunId("")}), "x r4 r3 r2 r1 r0 ");
  EXPECT_EQ(ids({kTrackedWorkspace, "digits", RunId("")}), "r4 r3 r2 r1 r0 ");
  EXPECT_EQ(ids({kTrackedWorkspace, "", RunId("r0")}), "c0 ");
  EXPECT_EQ(ids({kTrackedWorkspace, "other", {}}), "x ");
  EXPECT_EQ(ids({WorkspaceName("lab"), "", {}}), "");
}

TEST(TrackingStore, BeyondItsQueueItRefusesAtOnce) {
  TrackingLimits limits;
  limits.max_queued_changes = 2;
  TrackedDirectory tracked(limits);
  std::latch entered(1);
  std::latch leave(1);
  std::atomic<int> stored = 0;
  const auto submit = [&](const std::string& id, TrackingStore::OnDone on_done) {
    tracked.store().Submit(
        std::make_shared<const TrackingChange>(ChangeOf(CreateRuns{{Interactive(id)}})),
        std::move(on_done));
  };
  submit("first", [&](const Result<TrackingAnswer>&) {
    entered.count_down();
    leave.wait();
  });
  entered.wait();  // the writer is busy from now on
  for (const char* id : {"second", "third"}) {
    submit(id, [&](const Result<TrackingAnswer>& answer) { stored += answer.has_value(); });
  }
  std::optional<Error> refusal;
  submit("fourth", [&](const Result<TrackingAnswer>& answer) { refusal = answer.error(); });
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->code, ErrorCode::kResourceExhausted);
  leave.count_down();
  tracked.store().Stop();
  EXPECT_EQ(stored, 2);
}

TEST(TrackingStore, AFailureEndsTheRecordingAndNotTheProcess) {
  TrackedDirectory tracked;
  tracked.MustDo(ChangeOf(CreateRuns{{Interactive("r1")}}));
  {
    auto other =
        Connection::Open(tracked.directory() / "tracking.db", Connection::Mode::kReadWrite);
    ASSERT_TRUE(other->Execute("DROP TABLE metrics"));
  }
  EXPECT_EQ(tracked.Do(ChangeOf(Values("r1", 0, 1))).error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(tracked.Do(ChangeOf(CreateRuns{{Interactive("r2")}})).error().code,
            ErrorCode::kUnavailable);
}

// A child appends as fast as it becomes durable, and says how far that is.
[[noreturn]] void AppendForEver(const std::string& directory, std::uint64_t from, int reports) {
  auto store = TrackingStore::Open(directory, {});
  if (!store) ::_exit(2);
  std::atomic<int> queued = 0;
  const auto report = [&queued, reports](const Result<TrackingAnswer>& answer) {
    const std::uint64_t next = answer ? answer->next : 0;
    if (!answer || ::write(reports, &next, sizeof next) != sizeof next) ::_exit(2);
    --queued;
  };
  for (std::uint64_t first = from;; first += 10) {
    ++queued;
    (*store)->Submit(std::make_shared<const TrackingChange>(ChangeOf(Values("r1", first, 10))),
                     report);
    while (queued > 64) std::this_thread::yield();
  }
}

// What the child last said is durable.
std::uint64_t KillAppender(const std::string& directory, std::uint64_t from,
                           std::uint64_t kill_after) {
  int ends[2];
  if (::pipe(ends) != 0) return 0;
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(ends[0]);
    AppendForEver(directory, from, ends[1]);
  }
  ::close(ends[1]);
  std::uint64_t durable = 0;
  std::uint64_t next = 0;
  for (std::uint64_t seen = 0; ::read(ends[0], &next, sizeof next) == sizeof next; ++seen) {
    durable = next;
    if (seen == kill_after) ::kill(child, SIGKILL);
  }
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  return durable;
}

TEST(TrackingStoreCrash, WhatWasAcknowledgedIsThereAndCountsOnce) {
  TrackedDirectory tracked;
  tracked.MustDo(ChangeOf(CreateRuns{{Interactive("r1")}}));
  SeededRandom random(20261124);
  std::uint64_t expected = 0;
  for (int round = 0; round < 8; ++round) {
    tracked.Close();
    // It starts where the last one was durable for sure: what came after is sent again.
    const std::uint64_t durable =
        KillAppender(tracked.directory().path(), expected, random.Below(200));
    tracked.Open();
    const std::vector<std::int64_t> values = Integers(tracked.Metrics("r1"));
    EXPECT_GE(values.size(), durable);
    for (std::size_t i = 0; i < values.size(); ++i) {
      ASSERT_EQ(values[i], static_cast<std::int64_t>(i)) << "once, in order, without a gap";
    }
    EXPECT_EQ(tracked.Run("r1").metric_values, values.size());
    expected = durable;
  }
  EXPECT_GT(expected, 0U);
}

}  // namespace
}  // namespace muster::storage
