// Requests about the run record, checked and turned into changes. Pure. All faults of a request are
// told at once, as INVALID_ARGUMENT; of values of metrics the first 20.
#pragma once

#include <vector>

#include "base/error.h"
#include "base/result.h"
#include "muster/v1/tracking.pb.h"
#include "storage/tracking/changes.h"

namespace muster::server {

// 1..256 of [A-Za-z0-9_.-], first a letter or digit.
void CheckRunId(std::string_view field, std::string_view value, std::vector<Fault>& faults);

storage::CreateRuns Decode(const muster::v1::CreateRunsRequest& request,
                           std::vector<Fault>& faults);
storage::UpdateRun Decode(const muster::v1::UpdateRunRequest& request, std::vector<Fault>& faults);
storage::AppendMetrics Decode(const muster::v1::AppendMetricsRequest& request,
                              std::vector<Fault>& faults);
// The parts of requests; `field` is the path of the part, empty: it stands alone.
storage::NewRun DecodeNewRun(const std::string& field, const muster::v1::NewRun& in,
                             std::vector<Fault>& faults);
storage::Metric DecodeValue(const std::string& field, const muster::v1::MetricValue& in,
                            std::vector<Fault>& faults);
// Statuses, kinds, tags and properties of the filter.
void CheckFilter(const muster::v1::ListRunsRequest& request, std::vector<Fault>& faults);

}  // namespace muster::server
