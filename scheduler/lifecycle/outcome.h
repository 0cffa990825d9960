// What is to blame, in one sentence.
#pragma once

#include <optional>
#include <string>

#include "scheduler/model/command.h"
#include "scheduler/model/state.h"

namespace muster::scheduler {

// The cause that a node's report brings: its own failure, or the failed rank that ended first.
// Where the launcher failed because a rank did, the rank is named.
std::optional<Cause> FailureIn(const NodeId& node, const ObservedAttempt& observed);

// Why an attempt of which all processes are gone has not succeeded: a rank that never started or
// left no record of its end. Nothing: every rank ended with 0.
std::optional<Cause> UncleanEnd(const JobRequirements& requirements, const Attempt& attempt);

// Whether a cause is behind that of a stopping attempt, which another node was quicker to report:
// the loss of a node or its shim, or a failed rank that ended before, where the first to be
// reported was a rank that the launcher may have ended, or the launcher. A script's own exit stays
// the cause: it is never retried.
bool Explains(const Cause& later, const Attempt& attempt);

// Whether another attempt of the job may follow one that ended so.
bool MayRetry(const Job& job, const Cause& cause);

Cause CauseOf(CauseCode code, std::string message, NodeId node = {});

}  // namespace muster::scheduler
