// The server's core: owns the state, takes commands, gives events to store, effects and replies.
// Pure but for the state it owns: no threads, clocks, files, sockets; time and randomness come in.
// The server's loop and the simulator drive the same object.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "base/time.h"
#include "scheduler/model/command.h"
#include "scheduler/model/effect.h"
#include "scheduler/model/state.h"
#include "storage/store.h"

namespace muster::server {

struct CoreConfig {
  Duration heartbeat_interval = std::chrono::seconds(2);
  // Silence after which a node's jobs are NotResponding.
  Duration not_responding_after = std::chrono::seconds(15);
  // Silence after which a node is given up (jobs without a lease).
  Duration lost_after = std::chrono::minutes(15);
  // Lease of attempts that may be retried, unless the job names its own.
  Duration default_lease = std::chrono::seconds(60);
  // Waited after a lease has run out before the next attempt starts.
  Duration lease_margin = std::chrono::seconds(5);
  // By how much a planned stop extends leases.
  Duration planned_stop_extension = std::chrono::hours(1);
  // An attempt that is preparing for longer fails.
  Duration prepare_timeout = std::chrono::minutes(30);
  std::uint32_t master_port_first = 61'000;
  std::uint32_t master_port_count = 4'000;
  // Jobs examined in one planning pass.
  std::size_t plan_budget = 1'000;
  std::size_t max_waiting_jobs = 1'000'000;
};

// Correlates a reply with its request; chosen by the caller, 0: no reply wanted.
using RequestNumber = std::uint64_t;

struct ReplyValue {
  std::string entity;                 // job id, token id, node id...; may be empty
  scheduler::JobStatus job_status{};  // of CancelJob
  bool repeated = false;              // answered from an earlier request
};

struct Reply {
  RequestNumber request = 0;
  Result<ReplyValue> value;
};

// Everything one step caused. Replies and effects are released, in order, once `batch` is durable
// (at once, but behind all earlier ones, when it is empty).
struct StepOutput {
  storage::Batch batch;
  std::vector<scheduler::Effect> effects;
  std::vector<Reply> replies;
};

class Core {
 public:
  // `state` is what boot loaded, before ServerStarted. `random` must outlive the core.
  Core(const CoreConfig& config, scheduler::State state, Random& random);
  ~Core();
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;

  // Call once, first. Records the start and computes deadlines from the state.
  StepOutput Start(Now now);
  StepOutput Handle(RequestNumber request, const scheduler::Command& command, Now now);
  // Everything due at `now`; also runs the planner if something changed since.
  StepOutput OnTimer(Now now);
  // When OnTimer wants to be called; nothing: not before the next Handle.
  std::optional<SteadyPoint> NextTimer() const;

  const scheduler::State& state() const;

  // --- soft state, for queries: not durable, rebuilt by sessions ---
  struct NodeSoftState {
    bool connected = false;
    std::optional<TimePoint> last_heard;
    std::uint64_t free_disk_bytes = 0;
    bool disk_low = false;
    bool responding = true;  // false after not_responding_after
  };
  NodeSoftState Soft(const NodeId& node) const;
  bool disk_low() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace muster::server
