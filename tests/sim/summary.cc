#include "tests/sim/summary.h"

#include <cstdio>
#include <string>

#include "scheduler/lifecycle/transitions.h"

namespace muster::sim {

namespace {

using scheduler::kAttemptTransitions;
using scheduler::kJobTransitions;

unsigned long long Wide(std::uint64_t number) { return number; }

std::string NameOf(scheduler::JobStatus status) {
  return std::string(scheduler::StatusName(status));
}
std::string NameOf(scheduler::AttemptPhase phase) {
  return std::string(scheduler::PhaseName(phase));
}

template <class Table, class Counts, class Visit>
void ForEach(const Table& table, const Counts& counts, Visit visit) {
  for (const auto& row : table) {
    const auto found = counts.find({row.from, row.to});
    visit(NameOf(row.from), NameOf(row.to), found == counts.end() ? 0 : found->second);
  }
}

void PrintTransition(const std::string& from, const std::string& to, std::uint64_t count) {
  std::printf("  %-16s -> %-16s %10llu\n", from.c_str(), to.c_str(), Wide(count));
}

}  // namespace

void PrintSummary(const Stats& stats, std::uint64_t seeds) {
  std::printf(
      "%llu seeds: %llu jobs (%llu gangs), %llu retries, %llu under way or waiting at the end, "
      "%llu "
      "durable events, %llu steps\n",
      Wide(seeds), Wide(stats.jobs), Wide(stats.gangs), Wide(stats.retries),
      Wide(stats.still_waiting), Wide(stats.durable_events), Wide(stats.steps));
  std::printf("faults:\n");
  for (const auto& [kind, count] : stats.faults) {
    std::printf("  %-35s %10llu\n", kind.c_str(), Wide(count));
  }
  std::printf("transitions of jobs:\n");
  ForEach(kJobTransitions, stats.job_transitions, PrintTransition);
  std::printf("transitions of attempts:\n");
  ForEach(kAttemptTransitions, stats.attempt_transitions, PrintTransition);
}

bool AllTransitionsSeen(const Stats& stats) {
  bool all = true;
  const auto look = [&all](const std::string& from, const std::string& to, std::uint64_t count) {
    if (count > 0) return;
    all = false;
    std::printf("never seen: %s -> %s\n", from.c_str(), to.c_str());
  };
  ForEach(kJobTransitions, stats.job_transitions, look);
  ForEach(kAttemptTransitions, stats.attempt_transitions, look);
  return all;
}

}  // namespace muster::sim
