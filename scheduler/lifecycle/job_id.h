// Names of jobs.
#pragma once

#include <cstdint>
#include <string>

#include "base/ids.h"
#include "base/time.h"

namespace muster::scheduler {

// "<experiment>_<epoch s>_<8 hex>". The hex digits are the submission's number, scrambled by a
// bijection of 32 bits: no two of 2^32 submissions in a row share them, so that an id is never used
// twice, whatever the clock does and although ended jobs are not in memory.
JobId JobIdFor(const std::string& experiment, TimePoint submitted, std::uint64_t sequence);

}  // namespace muster::scheduler
