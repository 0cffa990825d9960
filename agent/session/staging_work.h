// What a worker does for Prepare: ledger, disk check, staging, and the note about it. Blocking.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "agent/exec/runner.h"
#include "agent/session/blob_cache.h"
#include "agent/session/ledger.h"
#include "agent/session/stop_signal.h"

namespace muster::agent {

struct StagingParts {
  Runner& runner;
  Ledger& ledger;
  // kCancelled soon after `given_up` is set.
  std::function<Result<std::string>(const std::string& digest_hex, StopSignal& given_up)> fetch;
  BlobCache& cache;
  NodeId node;
  std::string directory;  // of the node
  std::uint64_t disk_reserve_bytes = 0;
};

// Nothing if the attempt is ready to be launched. On failure the ledger says so too, but for one
// that was given up: after a restart it is staged, unless the server says otherwise.
std::optional<Failure> Stage(const StagingParts& parts, const Prepare& prepare,
                             StopSignal& given_up);

// The parsed task; an error if it is none.
Result<std::shared_ptr<const v1::AttemptTask>> ParseTask(const std::string* bytes);

}  // namespace muster::agent
