// What the runs have met: faults by kind and transitions by their ends. Added up over seeds.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "scheduler/model/types.h"

namespace muster::sim {

struct Stats {
  std::map<std::string, std::uint64_t> faults;
  std::map<std::pair<scheduler::JobStatus, scheduler::JobStatus>, std::uint64_t> job_transitions;
  std::map<std::pair<scheduler::AttemptPhase, scheduler::AttemptPhase>, std::uint64_t>
      attempt_transitions;
  std::uint64_t jobs = 0;
  std::uint64_t gangs = 0;
  std::uint64_t retries = 0;
  std::uint64_t still_waiting = 0;  // at the end, each with its reason
  std::uint64_t durable_events = 0;
  std::uint64_t steps = 0;

  void Add(const Stats& other) {
    for (const auto& [kind, count] : other.faults) faults[kind] += count;
    for (const auto& [ends, count] : other.job_transitions) job_transitions[ends] += count;
    for (const auto& [ends, count] : other.attempt_transitions) attempt_transitions[ends] += count;
    jobs += other.jobs;
    gangs += other.gangs;
    retries += other.retries;
    still_waiting += other.still_waiting;
    durable_events += other.durable_events;
    steps += other.steps;
  }
};

}  // namespace muster::sim
