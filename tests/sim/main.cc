// muster_sim --seeds N [--first S] [--bug NAME]    runs seeds, prints a summary; 1 if a promise was
// broken muster_sim --seed N --trace [--bug NAME]         replays one readably muster_sim --seeds N
// --bug NAME --expect-found   0 if the planted bug was found within N seeds
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "tests/sim/planted_bugs.h"
#include "tests/sim/simulation.h"
#include "tests/sim/summary.h"

namespace muster::sim {
namespace {

struct Options {
  std::uint64_t first = 1;
  std::uint64_t seeds = 1;
  bool trace = false;
  bool expect_found = false;
  PlantedBug bug = PlantedBug::kNone;
};

[[noreturn]] void Usage() {
  std::fprintf(stderr,
               "usage: muster_sim --seeds N [--first S] [--bug NAME [--expect-found]]\n"
               "       muster_sim --seed N --trace [--bug NAME]\n"
               "bugs:");
  for (const NamedBug& bug : kPlantedBugs) std::fprintf(stderr, " %s", bug.name);
  std::fprintf(stderr, "\n");
  std::exit(2);
}

Options Parse(int count, char** words) {
  Options options;
  for (int i = 1; i < count; ++i) {
    const std::string_view word = words[i];
    const char* value = i + 1 < count ? words[i + 1] : nullptr;
    if (word == "--trace") {
      options.trace = true;
      continue;
    }
    if (word == "--expect-found") {
      options.expect_found = true;
      continue;
    }
    if (value == nullptr) Usage();
    ++i;
    if (word == "--seeds") {
      options.seeds = std::strtoull(value, nullptr, 10);
    } else if (word == "--first" || word == "--seed") {
      options.first = std::strtoull(value, nullptr, 10);
    } else if (word == "--bug") {
      const auto bug = BugNamed(value);
      if (!bug) Usage();
      options.bug = *bug;
    } else {
      Usage();
    }
  }
  return options;
}

// A legal transition that so many seeds never met means that the simulation has a blind spot.
constexpr std::uint64_t kSeedsForCoverage = 1'000;

int Run(const Options& options) {
  SetPlantedBug(options.bug);
  Stats total;
  for (std::uint64_t seed = options.first; seed < options.first + options.seeds; ++seed) {
    const Outcome outcome = Simulate(seed, options.trace);
    total.Add(outcome.stats);
    if (outcome.violation) {
      std::printf("seed %llu: %s\n", static_cast<unsigned long long>(seed),
                  outcome.violation->c_str());
      return options.expect_found ? 0 : 1;
    }
    if (options.trace) {
      std::printf("seed %llu: hash %016llx\n", static_cast<unsigned long long>(seed),
                  static_cast<unsigned long long>(outcome.hash));
    }
  }
  PrintSummary(total, options.seeds);
  if (options.expect_found) {
    std::printf("the planted bug was not found\n");
    return 1;
  }
  return options.seeds < kSeedsForCoverage || AllTransitionsSeen(total) ? 0 : 1;
}

}  // namespace
}  // namespace muster::sim

int main(int argc, char** argv) { return muster::sim::Run(muster::sim::Parse(argc, argv)); }
