#include "server/loop/wake_hub.h"

#include <gtest/gtest.h>

namespace muster::server {
namespace {

struct Counter final : Wakeable {
  void Wake() override { ++count; }
  int count = 0;
};

TEST(WakeHub, WakesThoseWhoWaitForTheKeyAndNobodyElse) {
  WakeHub hub;
  const auto one = std::make_shared<Counter>();
  const auto two = std::make_shared<Counter>();
  const auto other = std::make_shared<Counter>();
  hub.Subscribe("job a", one);
  hub.Subscribe("job a", two);
  hub.Subscribe("job b", other);
  hub.Wake("job a");
  hub.Wake("job c");
  EXPECT_EQ(one->count, 1);
  EXPECT_EQ(two->count, 1);
  EXPECT_EQ(other->count, 0);
}

TEST(WakeHub, WhoUnsubscribedIsLeftAlone) {
  WakeHub hub;
  const auto one = std::make_shared<Counter>();
  const auto two = std::make_shared<Counter>();
  hub.Subscribe("k", one);
  hub.Subscribe("k", two);
  hub.Unsubscribe("k", one.get());
  hub.Wake("k");
  EXPECT_EQ(one->count, 0);
  EXPECT_EQ(two->count, 1);
  hub.Unsubscribe("k", two.get());
  EXPECT_EQ(hub.size(), 0U);
}

TEST(WakeHub, WhoIsGoneIsForgotten) {
  WakeHub hub;
  auto gone = std::make_shared<Counter>();
  const auto here = std::make_shared<Counter>();
  hub.Subscribe("k", gone);
  hub.Subscribe("k", here);
  gone.reset();
  hub.Wake("k");
  EXPECT_EQ(here->count, 1);
}

}  // namespace
}  // namespace muster::server
