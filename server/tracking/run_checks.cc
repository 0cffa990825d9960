#include "server/tracking/run_checks.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "server/rpc/field_checks.h"
#include "server/rpc/job_conversion.h"
#include "server/rpc/names.h"

namespace muster::server {
namespace {

namespace v1 = muster::v1;

constexpr std::size_t kMaxRunIdBytes = 256;
constexpr std::size_t kMaxDisplayNameBytes = 256;
constexpr std::size_t kMaxKeyBytes = 100;
constexpr std::size_t kMaxValueBytes = 1'000;
constexpr std::size_t kMaxErrorCodeBytes = 100;
constexpr std::size_t kMaxErrorMessageBytes = 3'000;
constexpr int kMaxNewRuns = 1'000;
constexpr int kMaxMetrics = 10'000;
constexpr std::size_t kMaxMetricNameBytes = 255;
constexpr std::size_t kMaxMetricTextBytes = std::size_t{64} << 10;
constexpr std::size_t kMaxMetricJsonBytes = std::size_t{1} << 20;
constexpr std::size_t kMaxWriterBytes = 255;
constexpr std::size_t kMaxDescriptionBytes = 1'000;
// Beyond what any writer counts to, and far from where numbers of the database end.
constexpr std::uint64_t kMaxFirst = std::uint64_t{1} << 62;
constexpr std::size_t kMaxMetricFaults = 20;

std::string Within(const std::string& parent, std::string_view field) {
  return parent.empty() ? std::string(field) : parent + "." + std::string(field);
}

void CheckBytes(const std::string& field, std::string_view value, std::size_t least,
                std::size_t most, std::vector<Fault>& faults) {
  if (value.size() >= least && value.size() <= most) return;
  AddFault(faults, field, value,
           "must have " + std::to_string(least) + " to " + std::to_string(most) + " bytes, has " +
               std::to_string(value.size()));
}

void CheckCount(const std::string& field, std::size_t count, std::size_t most,
                std::vector<Fault>& faults) {
  if (count <= most) return;
  AddFault(faults, field, std::to_string(count),
           "has too many entries; at most " + std::to_string(most) + " are allowed");
}

storage::Tags DecodeTags(const std::string& field,
                         const google::protobuf::RepeatedPtrField<v1::Tag>& tags,
                         std::vector<Fault>& faults) {
  storage::Tags out;
  const auto count = static_cast<std::size_t>(tags.size());
  CheckCount(field, count, storage::kMaxTags, faults);
  if (count > storage::kMaxTags) return out;
  for (const v1::Tag& tag : tags) {
    CheckBytes(field + ".key", tag.key(), 1, kMaxKeyBytes, faults);
    CheckBytes(field + ".value", tag.value(), 0, kMaxValueBytes, faults);
    const bool added =
        out.emplace(tag.key(), tag.has_value() ? std::optional(tag.value()) : std::nullopt).second;
    if (!added) AddFault(faults, field + ".key", tag.key(), "stands twice");
  }
  return out;
}

storage::Properties DecodeProperties(const std::string& field,
                                     const google::protobuf::Map<std::string, std::string>& map,
                                     std::vector<Fault>& faults) {
  CheckCount(field, map.size(), storage::kMaxProperties, faults);
  if (map.size() > storage::kMaxProperties) return {};
  for (const auto& [key, value] : map) {
    CheckBytes(field + ".key", key, 1, kMaxKeyBytes, faults);
    CheckBytes(field + ".value", value, 0, kMaxValueBytes, faults);
  }
  return {map.begin(), map.end()};
}

}  // namespace

storage::NewRun DecodeNewRun(const std::string& field, const v1::NewRun& in,
                             std::vector<Fault>& faults) {
  storage::NewRun run;
  CheckRunId(Within(field, "id"), in.id(), faults);
  run.id = storage::RunId(in.id());
  if (!in.parent_id().empty()) CheckRunId(Within(field, "parent_id"), in.parent_id(), faults);
  run.parent = storage::RunId(in.parent_id());
  if (!in.parent_id().empty() && !in.experiment().empty()) {
    AddFault(faults, Within(field, "experiment"), in.experiment(),
             "must be empty with a parent_id: a child goes with its parent's");
  } else if (in.parent_id().empty() && !IsExperimentName(in.experiment())) {
    AddFault(faults, Within(field, "experiment"), in.experiment(),
             "must be 1..200 characters of A-Z, a-z, 0-9, \"_\" and \"-\", the first a letter or "
             "digit");
  }
  run.experiment = in.experiment();
  CheckBytes(Within(field, "display_name"), in.display_name(), 0, kMaxDisplayNameBytes, faults);
  run.display_name = in.display_name();
  run.tags = DecodeTags(Within(field, "tags"), in.tags(), faults);
  run.properties = DecodeProperties(Within(field, "properties"), in.properties(), faults);
  run.not_started = in.not_started();
  return run;
}

namespace {

void DecodeStatus(const v1::UpdateRunRequest& request, storage::UpdateRun& update,
                  std::vector<Fault>& faults) {
  const int status = request.status();
  const bool settable = status == v1::JOB_STATUS_RUNNING || status == v1::JOB_STATUS_COMPLETED ||
                        status == v1::JOB_STATUS_FAILED || status == v1::JOB_STATUS_CANCELED;
  if (settable) {
    update.status = StatusFromProto(status);
  } else if (status != v1::JOB_STATUS_UNSPECIFIED) {
    AddFault(faults, "status", std::to_string(status),
             "must be Running, Completed, Failed or Canceled");
  }
  if (!request.has_error()) return;
  if (status != v1::JOB_STATUS_FAILED) {
    AddFault(faults, "error", request.error().message(), "goes with the status Failed alone");
  }
  CheckBytes("error.code", request.error().code(), 0, kMaxErrorCodeBytes, faults);
  CheckBytes("error.message", request.error().message(), 0, kMaxErrorMessageBytes, faults);
  update.error_code = request.error().code();
  update.error_message = request.error().message();
}

// Whether the value is one of the kind; adds a fault if not.
void CheckContent(const std::string& field, const v1::MetricValue& value,
                  std::vector<Fault>& faults) {
  const bool is_scalar = value.kind() == v1::METRIC_KIND_SCALAR;
  switch (value.value_case()) {
    case v1::MetricValue::kNumber:
    case v1::MetricValue::kInteger:
      if (!is_scalar) AddFault(faults, field, "", "must be a json text: only scalars are numbers");
      return;
    case v1::MetricValue::kText:
      if (!is_scalar) AddFault(faults, field, "", "must be a json text: only scalars are texts");
      CheckBytes(Within(field, "text"), value.text(), 0, kMaxMetricTextBytes, faults);
      return;
    case v1::MetricValue::kJson:
      if (is_scalar) AddFault(faults, field, "", "must be a number or a text: it is a scalar");
      CheckBytes(Within(field, "json"), value.json(), 1, kMaxMetricJsonBytes, faults);
      if (value.json().size() <= kMaxMetricJsonBytes && !nlohmann::json::accept(value.json())) {
        AddFault(faults, Within(field, "json"), value.json(), "is no JSON text");
      }
      return;
    case v1::MetricValue::VALUE_NOT_SET:
      AddFault(faults, field, "", "has no value");
      return;
  }
}

storage::MetricContent ContentOf(const v1::MetricValue& value) {
  if (value.has_number()) return value.number();
  if (value.has_integer()) return std::int64_t{value.integer()};
  return value.has_text() ? value.text() : value.json();
}

}  // namespace

storage::Metric DecodeValue(const std::string& field, const v1::MetricValue& in,
                            std::vector<Fault>& faults) {
  CheckBytes(Within(field, "name"), in.name(), 1, kMaxMetricNameBytes, faults);
  CheckBytes(Within(field, "description"), in.description(), 0, kMaxDescriptionBytes, faults);
  if (in.kind() == v1::METRIC_KIND_UNSPECIFIED || !v1::MetricKind_IsValid(in.kind())) {
    AddFault(faults, Within(field, "kind"), std::to_string(in.kind()), "is no kind of metric");
  }
  CheckContent(field, in, faults);
  storage::Metric metric;
  metric.name = in.name();
  metric.kind = static_cast<storage::MetricKind>(in.kind());
  metric.value = ContentOf(in);
  if (in.has_step()) metric.step = in.step();
  metric.time = FromMicros(in.time_us());
  metric.description = in.description();
  return metric;
}

void CheckRunId(std::string_view field, std::string_view value, std::vector<Fault>& faults) {
  const auto is_alphanumeric = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  const auto is_allowed = [&](char c) {
    return is_alphanumeric(c) || c == '_' || c == '.' || c == '-';
  };
  if (!value.empty() && value.size() <= kMaxRunIdBytes && is_alphanumeric(value.front()) &&
      std::ranges::all_of(value, is_allowed)) {
    return;
  }
  AddFault(faults, std::string(field), value,
           "must be 1..256 characters of A-Z, a-z, 0-9, \"_\", \".\" and \"-\", the first a letter "
           "or digit");
}

storage::CreateRuns Decode(const v1::CreateRunsRequest& request, std::vector<Fault>& faults) {
  storage::CreateRuns create;
  if (request.runs_size() < 1 || request.runs_size() > kMaxNewRuns) {
    AddFault(faults, "runs", std::to_string(request.runs_size()), "must be 1 to 1,000");
    return create;
  }
  for (int i = 0; i < request.runs_size() && faults.size() < kMaxMetricFaults; ++i) {
    create.runs.push_back(DecodeNewRun("runs[" + std::to_string(i) + "]", request.runs(i), faults));
  }
  return create;
}

storage::UpdateRun Decode(const v1::UpdateRunRequest& request, std::vector<Fault>& faults) {
  storage::UpdateRun update;
  CheckRunId("run_id", request.run_id(), faults);
  update.run = storage::RunId(request.run_id());
  CheckCount("remove_tags", static_cast<std::size_t>(request.remove_tags_size()), storage::kMaxTags,
             faults);
  for (const std::string& key : request.remove_tags()) {
    CheckBytes("remove_tags", key, 1, kMaxKeyBytes, faults);
  }
  update.remove_tags.assign(request.remove_tags().begin(), request.remove_tags().end());
  update.set_tags = DecodeTags("set_tags", request.set_tags(), faults);
  update.add_properties = DecodeProperties("add_properties", request.add_properties(), faults);
  if (request.has_display_name()) {
    CheckBytes("display_name", request.display_name(), 0, kMaxDisplayNameBytes, faults);
    update.display_name = request.display_name();
  }
  update.heartbeat = request.heartbeat();
  DecodeStatus(request, update, faults);
  return update;
}

storage::AppendMetrics Decode(const v1::AppendMetricsRequest& request, std::vector<Fault>& faults) {
  storage::AppendMetrics append;
  CheckRunId("run_id", request.run_id(), faults);
  if (request.writer().empty()) AddFault(faults, "writer", "", "is required");
  CheckPrintable("writer", request.writer(), kMaxWriterBytes, faults);
  if (request.first() > kMaxFirst) {
    AddFault(faults, "first", std::to_string(request.first()), "is beyond 2^62");
  }
  if (request.values_size() < 1 || request.values_size() > kMaxMetrics) {
    AddFault(faults, "values", std::to_string(request.values_size()), "must be 1 to 10,000");
    return append;
  }
  append.run = storage::RunId(request.run_id());
  append.writer = request.writer();
  append.first = request.first();
  append.values.reserve(static_cast<std::size_t>(request.values_size()));
  for (int i = 0; i < request.values_size() && faults.size() < kMaxMetricFaults; ++i) {
    append.values.push_back(
        DecodeValue("values[" + std::to_string(i) + "]", request.values(i), faults));
  }
  return append;
}

void CheckFilter(const v1::ListRunsRequest& request, std::vector<Fault>& faults) {
  CheckCount("kinds", static_cast<std::size_t>(request.kinds_size()), 3, faults);
  CheckCount("statuses", static_cast<std::size_t>(request.statuses_size()), 12, faults);
  if (!faults.empty()) return;
  for (const int kind : request.kinds()) {
    if (kind == v1::RUN_KIND_UNSPECIFIED || !v1::RunKind_IsValid(kind)) {
      AddFault(faults, "kinds", std::to_string(kind), "is no kind of run");
    }
  }
  for (const int status : request.statuses()) {
    if (!StatusFromProto(status)) {
      AddFault(faults, "statuses", std::to_string(status), "is no status");
    }
  }
  DecodeTags("tags", request.tags(), faults);
  DecodeTags("properties", request.properties(), faults);
}

}  // namespace muster::server
