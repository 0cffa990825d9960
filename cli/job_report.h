// All that is known about one job, as `job show` prints it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "muster/v1/jobs.pb.h"

namespace muster::cli {

// Pure. Durations of what still runs count up to now_us; max_width as in LayOut.
std::string ReportJob(const muster::v1::Job& job, std::int64_t now_us, std::size_t max_width);

}  // namespace muster::cli
