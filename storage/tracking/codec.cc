#include "storage/tracking/codec.h"

#include <limits>
#include <utility>

#include "muster/stored/v1/tracking.pb.h"
#include "storage/codec/values.h"

namespace muster::storage {
namespace {

static_assert(static_cast<int>(MetricKind::kPredictions) == 9);
static_assert(static_cast<int>(RunKind::kChild) == 3);

template <class Message>
Status ParseTracked(std::string_view bytes, std::string_view name, Message& message) {
  if (bytes.size() > std::numeric_limits<int>::max() ||
      !message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return Fail(Corrupt("a row of " + std::string(name) + " is not what was written"));
  }
  return {};
}

}  // namespace

std::string EncodeRunData(const TrackedRun& run) {
  stored::v1::TrackedRun out;
  out.set_root_id(run.root.str());
  out.set_display_name(run.display_name);
  out.set_status(static_cast<std::uint32_t>(run.status));
  out.set_created_us(ToMicros(run.created));
  if (run.started) out.set_started_us(ToMicros(*run.started));
  if (run.ended) out.set_ended_us(ToMicros(*run.ended));
  if (run.heartbeat) out.set_heartbeat_us(ToMicros(*run.heartbeat));
  for (const auto& [key, value] : run.tags) {
    auto& tag = (*out.mutable_tags())[key];
    if (value) tag.set_value(*value);
  }
  for (const auto& [key, value] : run.properties) (*out.mutable_properties())[key] = value;
  out.set_error_code(run.error_code);
  out.set_error_message(run.error_message);
  return out.SerializeAsString();
}

Status DecodeRunData(std::string_view bytes, TrackedRun& run) {
  stored::v1::TrackedRun in;
  MUSTER_TRY(ParseTracked(bytes, "runs", in));
  run.root = RunId(std::move(*in.mutable_root_id()));
  run.display_name = std::move(*in.mutable_display_name());
  MUSTER_TRY(DecodeEnum(in.status(), run.status));
  run.created = FromMicros(in.created_us());
  if (in.has_started_us()) run.started = FromMicros(in.started_us());
  if (in.has_ended_us()) run.ended = FromMicros(in.ended_us());
  if (in.has_heartbeat_us()) run.heartbeat = FromMicros(in.heartbeat_us());
  for (const auto& [key, tag] : in.tags()) {
    run.tags[key] = tag.has_value() ? std::optional(tag.value()) : std::nullopt;
  }
  for (const auto& [key, value] : in.properties()) run.properties[key] = value;
  run.error_code = std::move(*in.mutable_error_code());
  run.error_message = std::move(*in.mutable_error_message());
  return {};
}

std::string EncodeMetric(const Metric& metric) {
  stored::v1::TrackedMetric out;
  out.set_kind(static_cast<std::uint32_t>(metric.kind));
  if (const auto* number = std::get_if<double>(&metric.value)) {
    out.set_number(*number);
  } else if (const auto* integer = std::get_if<std::int64_t>(&metric.value)) {
    out.set_integer(*integer);
  } else if (metric.kind == MetricKind::kScalar) {
    out.set_text(std::get<std::string>(metric.value));
  } else {
    out.set_json(std::get<std::string>(metric.value));
  }
  if (metric.step) out.set_step(*metric.step);
  out.set_time_us(ToMicros(metric.time));
  out.set_description(metric.description);
  return out.SerializeAsString();
}

Result<Metric> DecodeMetric(std::string_view bytes) {
  stored::v1::TrackedMetric in;
  MUSTER_TRY(ParseTracked(bytes, "metrics", in));
  Metric metric;
  if (in.kind() < 1 || in.kind() > static_cast<std::uint32_t>(MetricKind::kPredictions)) {
    return Fail(Corrupt("a row of metrics has kind " + std::to_string(in.kind())));
  }
  metric.kind = static_cast<MetricKind>(in.kind());
  switch (in.value_case()) {
    case stored::v1::TrackedMetric::kNumber:
      metric.value = in.number();
      break;
    case stored::v1::TrackedMetric::kInteger:
      metric.value = std::int64_t{in.integer()};
      break;
    case stored::v1::TrackedMetric::kText:
      metric.value = std::move(*in.mutable_text());
      break;
    case stored::v1::TrackedMetric::kJson:
      metric.value = std::move(*in.mutable_json());
      break;
    case stored::v1::TrackedMetric::VALUE_NOT_SET:
      return Fail(Corrupt("a row of metrics has no value"));
  }
  if (in.has_step()) metric.step = in.step();
  metric.time = FromMicros(in.time_us());
  metric.description = std::move(*in.mutable_description());
  return metric;
}

}  // namespace muster::storage
