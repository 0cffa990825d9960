// Waiting for room on the disk before the database is opened.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/result.h"
#include "base/time.h"

namespace muster::storage {

// What a start writes at most before its first commit is durable.
inline constexpr std::uint64_t kBootSpaceBytes = 8ULL << 20;

// Whether `bytes` can be allocated in the directory now: RESOURCE_EXHAUSTED if not. Leaves nothing
// behind.
Status ProbeSpace(const std::string& directory, std::uint64_t bytes);

// Runs `attempt` until it answers with anything but RESOURCE_EXHAUSTED, pausing a second in between
// with `pause`. Says that it waits at once and then every 30 s, and that it goes on.
Status RetryWhileFull(const std::string& directory, const std::function<Status()>& attempt,
                      const std::function<void(Duration)>& pause);

// Sleeps this thread.
void Pause(Duration duration);

}  // namespace muster::storage
