#include "storage/codec/codec.h"

#include <gtest/gtest.h>

#include <set>
#include <utility>
#include <variant>

#include "tests/unit/storage/any_value.h"

namespace muster::storage {
namespace {

using scheduler::Event;
using scheduler::EventBody;

constexpr int kRounds = 200;

template <std::size_t kIndex>
void ExpectEventSurvives(SeededRandom& random) {
  using Body = std::variant_alternative_t<kIndex, EventBody>;
  for (int round = 0; round < kRounds; ++round) {
    Body body{};
    Filler(random).Fill(body);
    if constexpr (std::is_same_v<Body, scheduler::JobSubmitted>) {
      body.given_spec.clear();  // both are in the table job_specs
      body.resolved_spec.reset();
    }
    const Event event{7, FromMicros(11), UserName("alice"), body};
    const Result<Event> back = DecodeEvent(7, FromMicros(11), EncodeEvent(event));
    ASSERT_TRUE(back.has_value()) << "alternative " << kIndex << ": " << back.error().message;
    ASSERT_EQ(back->body.index(), kIndex);
    EXPECT_TRUE(Same(std::get<kIndex>(back->body), body)) << "alternative " << kIndex;
    EXPECT_EQ(back->actor, event.actor);
    EXPECT_EQ(back->sequence, 7U);
    EXPECT_EQ(back->time, FromMicros(11));
  }
}

TEST(EventCodec, EveryAlternativeSurvivesWithEveryField) {
  SeededRandom random(1);
  [&]<std::size_t... kIndex>(std::index_sequence<kIndex...>) {
    (ExpectEventSurvives<kIndex>(random), ...);
  }
  (std::make_index_sequence<std::variant_size_v<EventBody>>());
}

template <std::size_t... kIndex>
std::set<std::uint32_t> AllKinds(std::index_sequence<kIndex...>) {
  return {EventKind(EventBody(std::in_place_index<kIndex>))...};
}

TEST(EventCodec, KindsAreDistinctAndThoseInTheSchemaKeepTheirNumbers) {
  constexpr std::size_t kCount = std::variant_size_v<EventBody>;
  EXPECT_EQ(AllKinds(std::make_index_sequence<kCount>()).size(), kCount);
  EXPECT_EQ(EventKind(scheduler::JobSubmitted{}), 3U);
  EXPECT_EQ(EventKind(scheduler::JobStatusChanged{}), 4U);
}

TEST(EventCodec, NamesTheJobAnEventIsAbout) {
  const AttemptId attempt{JobId("j"), 2};
  EXPECT_EQ(JobOf(scheduler::ServerStarted{1}), nullptr);
  EXPECT_EQ(JobOf(scheduler::NodeReturned{NodeId("n")}), nullptr);
  EventBody body = scheduler::RankEnded{attempt, NodeId("n"), {}};
  ASSERT_NE(JobOf(body), nullptr);
  EXPECT_EQ(*JobOf(body), attempt.job);
  body = scheduler::JobStatusChanged{JobId("k"), scheduler::JobStatus::kRunning, std::nullopt};
  EXPECT_EQ(*JobOf(body), JobId("k"));
}

template <class Row, class Strip, class Encode, class Decode>
void ExpectRowSurvives(Strip strip, Encode encode, Decode decode) {
  SeededRandom random(2);
  for (int round = 0; round < kRounds; ++round) {
    Row row{};
    Filler(random).Fill(row);
    strip(row);
    const Result<Row> back = decode(encode(row));
    ASSERT_TRUE(back.has_value()) << back.error().message;
    EXPECT_TRUE(Same(*back, row));
  }
}

TEST(RowCodec, EveryRowSurvivesWithEveryFieldThatIsNotDerived) {
  ExpectRowSurvives<scheduler::Job>(
      [](auto& job) {
        job.spec.reset();
        job.request_key.clear();
      },
      EncodeJob, DecodeJob);
  ExpectRowSurvives<scheduler::Attempt>(
      [](auto& attempt) {
        // The state is filed under its own rank.
        for (auto& [rank, state] : attempt.ranks) state.rank = rank;
      },
      EncodeAttempt, DecodeAttempt);
  ExpectRowSurvives<scheduler::Node>([](auto& node) { node.held.clear(); }, EncodeNode, DecodeNode);
  ExpectRowSurvives<scheduler::Pool>(
      [](auto& pool) {
        pool.waiting.clear();
        pool.nodes.clear();
      },
      EncodePool, DecodePool);
  ExpectRowSurvives<scheduler::Datastore>([](auto&) {}, EncodeDatastore, DecodeDatastore);
  ExpectRowSurvives<scheduler::Token>([](auto&) {}, EncodeToken, DecodeToken);
}

template <class T>
void ExpectCorrupt(const Result<T>& result) {
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code, ErrorCode::kDataLoss);
  EXPECT_EQ(result.error().reason, ErrorReason::kCorruptState);
}

TEST(RowCodec, DamagedBytesAreAnErrorAndNeverACrash) {
  SeededRandom random(3);
  scheduler::Attempt attempt;
  Filler(random).Fill(attempt);
  const std::string whole = EncodeAttempt(attempt);
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes = whole.substr(0, random.Below(whole.size() + 1));
    if (!bytes.empty()) bytes[random.Below(bytes.size())] = static_cast<char>(random.Next());
    for (const Status& status :
         {DecodeAttempt(bytes).map([](auto&&) {}), DecodeJob(bytes).map([](auto&&) {}),
          DecodeNode(bytes).map([](auto&&) {}), DecodeToken(bytes).map([](auto&&) {}),
          DecodeEvent(1, {}, bytes).map([](auto&&) {})}) {
      if (status) continue;
      EXPECT_EQ(status.error().reason, ErrorReason::kCorruptState);
    }
  }
}

TEST(RowCodec, UnknownNumbersAndEmptyBytesAreCorrupt) {
  ExpectCorrupt(DecodeJob(""));    // status 0 is no status
  ExpectCorrupt(DecodeToken(""));  // no digest
  ExpectCorrupt(DecodeEvent(1, {}, ""));
  ExpectCorrupt(DecodeEvent(1, {}, "\xff\xff garbage"));
  stored::v1::Job job;
  job.set_status(99);
  ExpectCorrupt(DecodeJob(job.SerializeAsString()));
}

}  // namespace
}  // namespace muster::storage
