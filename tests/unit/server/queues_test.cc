#include <gtest/gtest.h>

#include <thread>
#include <vector>

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

}  // namespace
}  // namespace muster::server
