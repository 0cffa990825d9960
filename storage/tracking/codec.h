// Values of the run record <-> bytes of tracking.db. Decoding answers DATA_LOSS (kCorruptState) to
// bytes that are not a whole, valid message. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "storage/tracking/record.h"

namespace muster::storage {

// What has no column of its own.
std::string EncodeRunData(const TrackedRun& run);
Status DecodeRunData(std::string_view bytes, TrackedRun& run);

// Without the name.
std::string EncodeMetric(const Metric& metric);
Result<Metric> DecodeMetric(std::string_view bytes);

}  // namespace muster::storage
