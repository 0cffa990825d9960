// The diagrams of docs/job-states.md are the tables of the code.
#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>
#include <string>

#include "scheduler/lifecycle/transitions.h"

namespace muster::scheduler {
namespace {

std::set<std::string> Documented() {
  std::ifstream file(MUSTER_SOURCE_DIR "/docs/job-states.md");
  EXPECT_TRUE(file.is_open());
  std::set<std::string> arrows;
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string from;
    std::string arrow;
    std::string to;
    if (words >> from >> arrow >> to && arrow == "-->") arrows.insert(from + " --> " + to);
  }
  return arrows;
}

template <class Table, class Name>
void Insert(std::set<std::string>& arrows, const Table& table, Name name) {
  for (const auto& row : table) {
    arrows.insert(std::string(name(row.from)) + " --> " + std::string(name(row.to)));
  }
}

TEST(JobStates, TheDocumentShowsEveryLegalStepAndNoOther) {
  std::set<std::string> legal;
  Insert(legal, kJobTransitions, [](JobStatus status) { return StatusName(status); });
  Insert(legal, kAttemptTransitions, [](AttemptPhase phase) { return PhaseName(phase); });
  EXPECT_EQ(Documented(), legal);
}

}  // namespace
}  // namespace muster::scheduler
