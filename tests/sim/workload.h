// What one seed plays: machines, pools, jobs with their fates, and the settings of the server.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "scheduler/model/command.h"
#include "server/core/core.h"
#include "tests/sim/world.h"

namespace muster::sim {

inline const WorkspaceName kWorkspace{"default"};
inline constexpr Duration kFaultsEnd = minutes(42);
inline constexpr Duration kEnd = minutes(60);

enum class Fate : std::uint8_t {
  kSucceeds,
  kExitsNonZero,  // one rank ends with exit_code
  kDiesOfSignal,  // one rank ends by a signal
  kSaysFailed,    // all ranks end with 0, but one has called the run failed
  kStagingFails,  // on one node
  kRunsTooLong,   // until max_run_duration ends it
};

struct JobPlan {
  std::string key;  // of idempotency; also its "spec"
  scheduler::JobRequirements requirements;
  Duration submit_at{};
  std::optional<Duration> cancel_after;  // the acknowledgement of the submit
  Duration launch_time{};                // at least, on every node
  Duration run_time{};
  Fate fate = Fate::kSucceeds;
  std::uint32_t failing_rank = 0;
  std::int32_t exit_code = 0;  // or signal
  Duration ends_after_sigterm{};
  bool infeasible = false;  // to be refused
};

struct PoolPlan {
  scheduler::PoolCreated definition;
  std::vector<NodeId> nodes;
};

struct Workload {
  server::CoreConfig config;
  std::vector<PoolPlan> pools;
  std::vector<JobPlan> jobs;
  std::map<std::string, const JobPlan*> by_key;

  const JobPlan& Plan(const std::string& key) const { return *by_key.at(key); }
};

// Draws from the world's chance only.
Workload DrawWorkload(World& world);

}  // namespace muster::sim
