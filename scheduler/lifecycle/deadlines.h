// The deadlines of an attempt itself. It has one at a time: to have started, to have ended, or to
// have stopped.
#pragma once

#include <optional>

#include "scheduler/lifecycle/decision.h"

namespace muster::scheduler {

// Added to the grace period of a stop: what its nodes get to report the end. Past it the job ends
// whatever they say.
inline constexpr Duration kStopReportTime = std::chrono::seconds(4);

enum class Deadline : std::uint8_t { kPreparing = 1, kRunning, kStopping };

struct DeadlineConfig {
  Duration prepare_timeout{};
};

// Which deadline counts now. Nothing: none does.
std::optional<Deadline> DeadlineOf(const State& state, const AttemptId& id);

// How long from now until it is due. Time that has passed counts for kRunning alone: the others
// start anew with the server, whose absence is nobody's fault.
Duration TimeUntil(const State& state, const AttemptId& id, Deadline deadline,
                   const DeadlineConfig& config, TimePoint now);

// It is due.
void Expire(Decision& decision, const AttemptId& id, Deadline deadline,
            const DeadlineConfig& config);

}  // namespace muster::scheduler
