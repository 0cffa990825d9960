// What a worker does for Prepare: ledger, disk check, staging, and the note about it. Blocking.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "agent/exec/runner.h"
#include "agent/session/ledger.h"

namespace muster::agent {

struct StagingParts {
  Runner& runner;
  Ledger& ledger;
  FetchBlob fetch;
  NodeId node;
  std::string directory;  // of the node
  std::uint64_t disk_reserve_bytes = 0;
};

// Nothing if the attempt is ready to be launched. On failure the ledger says so too.
std::optional<Failure> Stage(const StagingParts& parts, const Prepare& prepare);

// The parsed task; an error if it is none.
Result<std::shared_ptr<const v1::AttemptTask>> ParseTask(const std::string* bytes);

}  // namespace muster::agent
