// The simulator itself: it repeats itself, and it finds what is planted.
#include <gtest/gtest.h>

#include <ostream>
#include <string>

#include "tests/sim/planted_bugs.h"
#include "tests/sim/simulation.h"

namespace muster::sim {

static void PrintTo(const NamedBug& bug, std::ostream* out) { *out << bug.name; }

namespace {

TEST(Simulation, TheSameSeedGivesTheSameHash) {
  SetPlantedBug(PlantedBug::kNone);
  const Outcome first = Simulate(7, false);
  const Outcome second = Simulate(7, false);
  EXPECT_EQ(first.violation, std::nullopt);
  EXPECT_EQ(first.hash, second.hash);
  EXPECT_EQ(first.stats.steps, second.stats.steps);
  EXPECT_NE(first.hash, Simulate(8, false).hash);
}

class PlantedBugTest : public ::testing::TestWithParam<NamedBug> {
 protected:
  void TearDown() override { SetPlantedBug(PlantedBug::kNone); }
};

TEST_P(PlantedBugTest, IsFoundWithinAThousandSeeds) {
  SetPlantedBug(GetParam().bug);
  for (std::uint64_t seed = 1; seed <= 1'000; ++seed) {
    const Outcome outcome = Simulate(seed, false);
    if (!outcome.violation) continue;
    std::printf("seed %d: %s\n", static_cast<int>(seed), outcome.violation->c_str());
    return;
  }
  FAIL() << GetParam().name << " was not found";
}

INSTANTIATE_TEST_SUITE_P(Each, PlantedBugTest, ::testing::ValuesIn(kPlantedBugs),
                         [](const auto& tested) {
                           std::string name = tested.param.name;
                           std::erase(name, '-');
                           return name;
                         });

}  // namespace
}  // namespace muster::sim
