// What all requests of clients have in common: who asks under which circumstances, and that a
// repeated request is answered as before. A Decide function emits nothing unless it succeeds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "scheduler/lifecycle/decision.h"
#include "scheduler/model/command.h"

namespace muster::scheduler {

// What is not in the state but matters to a request.
struct Surroundings {
  Principal principal;
  bool shutting_down = false;
  bool disk_low = false;
  std::uint64_t free_disk_bytes = 0;
  std::uint64_t disk_reserve_bytes = 0;
  std::size_t max_waiting_jobs = 0;
};

struct Answer {
  std::string entity;      // what the request made or named
  JobStatus job_status{};  // of CancelJob
  bool repeated = false;
};

// The answer to a request with this key, if there was one: the same again for the same content,
// ALREADY_EXISTS (kIdempotencyKeyReused) for another. Nothing: it is new. An empty key is always
// new.
std::optional<Result<Answer>> Repeated(const State& state, const WorkspaceName& workspace,
                                       const Idempotency& idempotency);
// Notes the answer for repetitions. Call last.
void Remember(Decision& decision, const WorkspaceName& workspace, const Idempotency& idempotency,
              const std::string& entity);

// RESOURCE_EXHAUSTED (kDiskReserve) or UNAVAILABLE (kShuttingDown) while nothing new is taken.
Status AcceptsNewWork(const Surroundings& surroundings);

Status WorkspaceExists(const State& state, const WorkspaceName& workspace);

}  // namespace muster::scheduler
