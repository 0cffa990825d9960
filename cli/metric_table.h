// Metrics of a run as people read them. Pure.
#pragma once

#include <string>
#include <vector>

#include "cli/table.h"
#include "muster/v1/tracking.pb.h"

namespace muster::cli {

// One value: "0.25", "NaN", a text as it is, the JSON of what is no scalar.
std::string FormatMetric(const muster::v1::MetricValue& value);

// A row for each name, in the order in which the names first came: how many values, the newest, and
// of numbers the least and the largest.
Table MetricTable(const std::vector<muster::v1::MetricValue>& values);

}  // namespace muster::cli
