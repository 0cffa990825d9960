#include "agent/session/backoff.h"

#include <gtest/gtest.h>

namespace muster::agent {
namespace {

TEST(Backoff, EveryDelayLiesInTheUpperHalfOfItsStep) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    SeededRandom random(seed);
    Backoff backoff({}, random);
    Duration step = std::chrono::milliseconds(100);
    for (int i = 0; i < 12; ++i) {
      const Duration delay = backoff.Next();
      EXPECT_GE(delay, step / 2);
      EXPECT_LE(delay, step);
      step = std::min<Duration>(step * 2, std::chrono::seconds(2));
    }
  }
}

TEST(Backoff, AfterASuccessItBeginsAnew) {
  SeededRandom random(1);
  Backoff backoff({}, random);
  for (int i = 0; i < 10; ++i) backoff.Next();
  backoff.Reset();
  EXPECT_LE(backoff.Next(), std::chrono::milliseconds(100));
}

TEST(Backoff, TwoAgentsDoNotComeBackTogether) {
  SeededRandom one(1);
  SeededRandom two(2);
  Backoff first({}, one);
  Backoff second({}, two);
  int different = 0;
  for (int i = 0; i < 10; ++i) different += first.Next() != second.Next() ? 1 : 0;
  EXPECT_GE(different, 8);
}

}  // namespace
}  // namespace muster::agent
