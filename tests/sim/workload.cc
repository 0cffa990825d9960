#include "tests/sim/workload.h"

#include <algorithm>
#include <utility>

namespace muster::sim {

namespace {

using scheduler::Communicator;
using scheduler::JobRequirements;
using scheduler::SharingMode;

server::CoreConfig DrawConfig(World& world) {
  server::CoreConfig config;
  config.heartbeat_interval = world.Between(seconds(5), seconds(9));
  config.not_responding_after = seconds(30);
  config.lost_after = world.Between(minutes(2), minutes(4));
  config.default_lease = world.Between(seconds(30), seconds(60));
  config.lease_margin = seconds(5);
  config.planned_stop_extension = minutes(8);
  config.prepare_timeout = minutes(3);
  return config;
}

PoolPlan DrawPool(World& world, const char* name, SharingMode sharing, std::uint32_t nodes) {
  PoolPlan pool;
  pool.definition.workspace = kWorkspace;
  pool.definition.name = PoolName(name);
  pool.definition.slots_per_node = world.Pick(2, 4);
  pool.definition.min_nodes = 0;
  pool.definition.max_nodes = nodes;
  pool.definition.sharing = sharing;
  for (std::uint32_t i = 0; i < nodes; ++i) {
    pool.nodes.emplace_back(std::string(name) + "-" + std::to_string(i));
  }
  return pool;
}

void DrawFate(World& world, JobPlan& job) {
  const JobRequirements& wants = job.requirements;
  job.failing_rank = world.Pick(0, wants.node_count * wants.processes_per_node - 1);
  const std::uint32_t dice = world.Pick(0, 99);
  if (dice < 66) {
    job.fate = Fate::kSucceeds;
  } else if (dice < 70) {
    job.fate = Fate::kSaysFailed;
  } else if (dice < 80) {
    job.fate = Fate::kExitsNonZero;
    job.exit_code = static_cast<std::int32_t>(world.Pick(1, 120));
  } else if (dice < 86) {
    job.fate = Fate::kDiesOfSignal;
    job.exit_code = world.Chance(500) ? 11 : 6;
  } else if (dice < 92) {
    job.fate = Fate::kStagingFails;
  } else {
    job.fate = Fate::kRunsTooLong;
    job.requirements.max_run_duration = world.Between(seconds(10), seconds(60));
  }
}

JobPlan DrawJob(World& world, const PoolPlan& pool, std::uint32_t number) {
  JobPlan job;
  job.key = "key-" + std::to_string(number);
  JobRequirements& wants = job.requirements;
  wants.pool = pool.definition.name;
  const auto all = static_cast<std::uint32_t>(pool.nodes.size());
  wants.node_count = world.Chance(550) ? 1 : world.Pick(1, all);
  wants.processes_per_node = world.Pick(1, pool.definition.slots_per_node);
  if (wants.node_count > 1 || wants.processes_per_node > 1) {
    wants.communicator = world.Chance(500) ? Communicator::kMpi : Communicator::kGloo;
  }
  wants.priority = static_cast<std::int32_t>(world.Pick(0, 2));
  wants.grace_period = world.Between(seconds(1), seconds(10));
  if (world.Chance(400)) {
    wants.node_loss_retries = world.Pick(1, 3);
    if (world.Chance(500)) wants.lease = world.Between(seconds(25), seconds(60));
  }
  job.submit_at = world.Between(seconds(20), kFaultsEnd - minutes(2));
  job.run_time = world.Chance(850) ? world.Between(milliseconds(20), seconds(45))
                                   : world.Between(seconds(45), minutes(4));
  job.ends_after_sigterm = world.Between(milliseconds(1), seconds(14));
  if (world.Chance(150)) job.cancel_after = world.Between(milliseconds(1), minutes(3));
  if (wants.node_count > 1 && world.Chance(60)) {
    job.launch_time = world.Between(seconds(1), seconds(20));
    if (world.Chance(400)) job.cancel_after = world.Between(milliseconds(1), seconds(20));
  }
  DrawFate(world, job);
  return job;
}

}  // namespace

Workload DrawWorkload(World& world) {
  Workload workload;
  workload.config = DrawConfig(world);
  const std::uint32_t nodes = world.Pick(3, 12);
  const std::uint32_t exclusive = world.Pick(1, nodes - 1);
  workload.pools.push_back(DrawPool(world, "whole", SharingMode::kExclusive, exclusive));
  workload.pools.push_back(DrawPool(world, "shared", SharingMode::kSlots, nodes - exclusive));

  const std::uint32_t jobs = world.Pick(50, 60);
  for (std::uint32_t number = 0; number < jobs; ++number) {
    // More jobs where there are more nodes, so that queues form and drain.
    const bool whole = world.Pick(1, nodes) <= exclusive;
    workload.jobs.push_back(DrawJob(world, workload.pools[whole ? 0 : 1], number));
  }
  JobPlan& hopeless = workload.jobs.back();
  hopeless.requirements.node_count = nodes + 1;
  hopeless.requirements.communicator = Communicator::kGloo;
  hopeless.infeasible = true;
  for (const JobPlan& job : workload.jobs) workload.by_key[job.key] = &job;
  return workload;
}

}  // namespace muster::sim
