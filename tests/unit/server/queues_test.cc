#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "server/loop/disk_gauge.h"
#include "server/loop/post_queue.h"
#include "server/loop/release_queue.h"

namespace muster::server {
namespace {

TEST(PostQueue, KeepsTheOrderOfEachProducer) {
  constexpr int kEach = 10'000;
  PostQueue<std::pair<int, int>> queue;
  std::vector<std::thread> producers;
  for (int producer = 0; producer < 3; ++producer) {
    producers.emplace_back([&queue, producer] {
      for (int i = 0; i < kEach; ++i) queue.Push({producer, i});
    });
  }
  std::deque<std::pair<int, int>> taken;
  while (taken.size() < 3 * kEach) queue.TakeAll(taken);
  for (std::thread& producer : producers) producer.join();
  int next[3] = {};
  for (const auto& [producer, number] : taken) EXPECT_EQ(number, next[producer]++);
}

TEST(ReleaseQueue, EntriesLeaveInOrderOnceTheirBatchIsDurable) {
  ReleaseQueue<int> queue;
  EXPECT_EQ(queue.Push(true, 1), 1U);
  EXPECT_EQ(queue.Push(false, 2), 1U);
  EXPECT_EQ(queue.Push(true, 3), 2U);
  EXPECT_FALSE(queue.Ready());
  queue.MarkDurable(1);
  EXPECT_EQ(queue.Pop(), 1);
  EXPECT_EQ(queue.Pop(), 2);
  EXPECT_FALSE(queue.Ready());
  queue.MarkDurable(2);
  EXPECT_EQ(queue.Pop(), 3);
}

TEST(ReleaseQueue, AnEntryWithoutABatchLeavesAtOnceWhenNothingIsBeforeIt) {
  ReleaseQueue<int> queue;
  queue.Push(false, 1);
  EXPECT_TRUE(queue.Ready());
}

TEST(DiskGauge, CountsWhatWasWrittenSinceItsMeasure) {
  DiskGauge disk(1'000);
  disk.Set(1'500, disk.written_bytes());
  EXPECT_TRUE(disk.FitsLogs(1'000));
  disk.NoteWrite(600);
  EXPECT_EQ(disk.free_bytes(), 900U);
  EXPECT_FALSE(disk.FitsNewWork(0));
  EXPECT_TRUE(disk.FitsLogs(400));
  EXPECT_FALSE(disk.FitsLogs(401));
  disk.NoteWrite(5'000);
  EXPECT_EQ(disk.free_bytes(), 0U);
  // Written while the measure was taken: it may or may not be in it.
  const std::uint64_t before = disk.written_bytes();
  disk.NoteWrite(100);
  disk.Set(2'000, before);
  EXPECT_EQ(disk.free_bytes(), 1'900U);
}

}  // namespace
}  // namespace muster::server
