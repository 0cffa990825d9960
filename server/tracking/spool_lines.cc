#include "server/tracking/spool_lines.h"

#include <algorithm>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "base/json_nesting.h"
#include "server/rpc/status.h"
#include "server/tracking/run_checks.h"

namespace muster::server {
namespace {

namespace v1 = muster::v1;
using nlohmann::json;
using Faults = std::vector<Fault>;
using Body = decltype(storage::SpoolLine::body);

void Add(Faults& faults, const char* field, const char* message) {
  faults.push_back({field, "", message});
}

Body Refused(std::string why) { return storage::RefusedLine{std::move(why)}; }

// The text of a member; empty, with a fault, if it is something else. Absent: empty.
std::string Text(const json& object, const char* name, Faults& faults) {
  const auto found = object.find(name);
  if (found == object.end() || found->is_null()) return {};
  if (found->is_string()) return found->get<std::string>();
  Add(faults, name, "must be a text");
  return {};
}

const json* Object(const json& object, const char* name, Faults& faults) {
  const auto found = object.find(name);
  if (found == object.end() || found->is_null()) return nullptr;
  if (found->is_object()) return &*found;
  Add(faults, name, "must be an object");
  return nullptr;
}

std::optional<std::int64_t> Integer(const json& object, const char* name, Faults& faults) {
  const auto found = object.find(name);
  if (found == object.end() || found->is_null()) return std::nullopt;
  const bool fits = found->is_number_integer() &&
                    !(found->is_number_unsigned() &&
                      found->get<std::uint64_t>() > std::numeric_limits<std::int64_t>::max());
  if (fits) return found->get<std::int64_t>();
  Add(faults, name, "must be an integer of 64 bits");
  return std::nullopt;
}

v1::MetricKind KindCalled(const std::string& name) {
  static const std::map<std::string, v1::MetricKind> kKinds = {
      {"scalar", v1::METRIC_KIND_SCALAR},
      {"list", v1::METRIC_KIND_LIST},
      {"row", v1::METRIC_KIND_ROW},
      {"table", v1::METRIC_KIND_TABLE},
      {"image", v1::METRIC_KIND_IMAGE},
      {"accuracy_table", v1::METRIC_KIND_ACCURACY_TABLE},
      {"confusion_matrix", v1::METRIC_KIND_CONFUSION_MATRIX},
      {"residuals", v1::METRIC_KIND_RESIDUALS},
      {"predictions", v1::METRIC_KIND_PREDICTIONS}};
  const auto found = kKinds.find(name);
  return found == kKinds.end() ? v1::METRIC_KIND_UNSPECIFIED : found->second;
}

// {"f":"NaN"} and the like.
std::optional<double> SpecialNumber(const json& value) {
  if (!value.is_object() || value.size() != 1 || !value.contains("f")) return std::nullopt;
  const json& name = value["f"];
  if (name == "NaN") return std::numeric_limits<double>::quiet_NaN();
  if (name == "Infinity") return std::numeric_limits<double>::infinity();
  if (name == "-Infinity") return -std::numeric_limits<double>::infinity();
  return std::nullopt;
}

void SetScalar(const json& value, v1::MetricValue& out, Faults& faults) {
  if (value.is_boolean()) {
    out.set_integer(value.get<bool>() ? 1 : 0);
  } else if (value.is_string()) {
    out.set_text(value.get<std::string>());
  } else if (const auto special = SpecialNumber(value)) {
    out.set_number(*special);
  } else if (value.is_number_unsigned() &&
             value.get<std::uint64_t>() > std::numeric_limits<std::int64_t>::max()) {
    out.set_number(static_cast<double>(value.get<std::uint64_t>()));
  } else if (value.is_number_integer()) {
    out.set_integer(value.get<std::int64_t>());
  } else if (value.is_number_float()) {
    out.set_number(value.get<double>());
  } else {
    Add(faults, "value", "must be a number or a text: it is a scalar");
  }
}

Body ParseLog(const json& line, const storage::RunId& run, std::int64_t time_us, Faults& faults) {
  v1::MetricValue out;
  out.set_name(Text(line, "name", faults));
  out.set_kind(KindCalled(Text(line, "kind", faults)));
  out.set_description(Text(line, "desc", faults));
  out.set_time_us(time_us);
  if (const auto step = Integer(line, "step", faults)) out.set_step(*step);
  const auto value = line.find("value");
  if (value == line.end()) {
    Add(faults, "value", "is missing");
  } else if (out.kind() == v1::METRIC_KIND_SCALAR) {
    SetScalar(*value, out, faults);
  } else {
    out.set_json(value->dump());
  }
  if (!faults.empty()) return {};
  return storage::LogValue{run, DecodeValue("", out, faults)};
}

// Keys and their values; null: a tag without one.
template <class Tags>
void SetTags(const json* object, const char* field, Tags add, Faults& faults) {
  if (object == nullptr) return;
  for (const auto& [key, value] : object->items()) {
    v1::Tag& tag = *add();
    tag.set_key(key);
    if (value.is_string()) {
      tag.set_value(value.template get<std::string>());
    } else if (!value.is_null()) {
      Add(faults, field, "must have texts for values");
    }
  }
}

template <class Map>
void SetProperties(const json* object, const char* field, Map& out, Faults& faults) {
  if (object == nullptr) return;
  for (const auto& [key, value] : object->items()) {
    if (value.is_string()) {
      out[key] = value.template get<std::string>();
    } else {
      Add(faults, field, "must have texts for values");
    }
  }
}

Body Update(v1::UpdateRunRequest& request, const storage::RunId& run, Faults& faults) {
  if (!faults.empty()) return {};
  request.set_run_id(run.str());
  return Decode(request, faults);
}

Body ParseTags(const json& line, const storage::RunId& run, Faults& faults) {
  v1::UpdateRunRequest request;
  SetTags(
      Object(line, "set", faults), "set", [&] { return request.add_set_tags(); }, faults);
  if (const auto remove = line.find("remove"); remove != line.end() && remove->is_array()) {
    for (const json& key : *remove) {
      if (key.is_string()) {
        request.add_remove_tags(key.get<std::string>());
      } else {
        Add(faults, "remove", "must be a list of texts");
      }
    }
  }
  return Update(request, run, faults);
}

Body ParseProperties(const json& line, const storage::RunId& run, Faults& faults) {
  v1::UpdateRunRequest request;
  SetProperties(Object(line, "add", faults), "add", *request.mutable_add_properties(), faults);
  return Update(request, run, faults);
}

Body ParseName(const json& line, const storage::RunId& run, Faults& faults) {
  v1::UpdateRunRequest request;
  request.set_display_name(Text(line, "value", faults));
  return Update(request, run, faults);
}

Body ParseCreate(const json& line, const storage::RunId& run, Faults& faults) {
  v1::NewRun wanted;
  wanted.set_id(run.str());
  wanted.set_parent_id(Text(line, "parent", faults));
  if (wanted.parent_id().empty()) Add(faults, "parent", "is missing");
  wanted.set_display_name(Text(line, "name", faults));
  SetTags(
      Object(line, "tags", faults), "tags", [&] { return wanted.add_tags(); }, faults);
  SetProperties(Object(line, "properties", faults), "properties", *wanted.mutable_properties(),
                faults);
  if (!faults.empty()) return {};
  return DecodeNewRun("", wanted, faults);
}

Body ParseEnd(const json& line, const storage::RunId& run, bool is_job, Faults& faults) {
  v1::UpdateRunRequest request;
  const std::string status = Text(line, "status", faults);
  if (status == "Completed") {
    request.set_status(v1::JOB_STATUS_COMPLETED);
  } else if (status == "Canceled") {
    request.set_status(v1::JOB_STATUS_CANCELED);
  } else if (status == "Failed") {
    request.set_status(v1::JOB_STATUS_FAILED);
  } else {
    Add(faults, "status", "must be Completed, Failed or Canceled");
  }
  if (const json* error = Object(line, "error", faults)) {
    request.mutable_error()->set_code(Text(*error, "code", faults));
    request.mutable_error()->set_message(Text(*error, "message", faults));
  }
  Body update = Update(request, run, faults);
  if (!is_job || !faults.empty()) return update;
  // Its processes say how a job ends, unless the script says that it has failed.
  if (request.status() != v1::JOB_STATUS_FAILED) return {};
  return storage::FailJob{request.error().code(), request.error().message()};
}

Body ParseBody(const json& line, const storage::RunId& job, std::int64_t time_us, Faults& faults) {
  const std::string op = Text(line, "op", faults);
  if (op == "flush") return {};
  const storage::RunId run(Text(line, "run", faults));
  CheckRunId("run", run.str(), faults);
  if (!faults.empty()) return {};
  if (op == "log") return ParseLog(line, run, time_us, faults);
  if (op == "tags") return ParseTags(line, run, faults);
  if (op == "properties") return ParseProperties(line, run, faults);
  if (op == "name") return ParseName(line, run, faults);
  if (op == "create") return ParseCreate(line, run, faults);
  if (op == "end") return ParseEnd(line, run, run == job, faults);
  Add(faults, "op", "is none that this server knows");
  return {};
}

std::string SentenceOf(const json& line, const Faults& faults) {
  std::string sentence;
  const auto name = line.find("name");
  if (name != line.end() && name->is_string()) {
    sentence = "\"" + CutUtf8(name->get_ref<const std::string&>(), 60) + "\": ";
  }
  return sentence + faults.front().field + " " + faults.front().message;
}

}  // namespace

storage::SpoolLine ParseSpoolLine(const storage::RunId& job, std::string_view text) {
  storage::SpoolLine parsed;
  if (text.size() > kMaxSpoolLineBytes) {
    parsed.body = Refused("a line has " + std::to_string(text.size()) +
                          " bytes; at most 1,100,000 are allowed");
    return parsed;
  }
  if (IsNestedDeeper(text, kMaxJsonNesting)) {
    parsed.body = Refused("a line is nested deeper than 100 levels");
    return parsed;
  }
  const json line = json::parse(text, nullptr, false);
  if (!line.is_object()) {
    parsed.body = Refused("a line is no JSON object in UTF-8 with numbers that a double can hold");
    return parsed;
  }
  Faults faults;
  const std::int64_t time_us = std::max<std::int64_t>(0, Integer(line, "t", faults).value_or(0));
  parsed.time = FromMicros(time_us);
  if (faults.empty()) parsed.body = ParseBody(line, job, time_us, faults);
  if (!faults.empty()) parsed.body = Refused(SentenceOf(line, faults));
  return parsed;
}

storage::AppendSpool ParseSpool(const storage::RunId& job, const SpoolPart& part) {
  storage::AppendSpool spool;
  spool.job = job;
  spool.writer = part.writer;
  spool.offset = part.offset;
  for (std::size_t begin = 0; begin < part.data.size();) {
    if (spool.lines.size() == kMaxSpoolLines) {
      spool.bytes = begin;
      return spool;
    }
    const std::size_t end = std::min(part.data.find('\n', begin), part.data.size());
    spool.lines.push_back(ParseSpoolLine(job, part.data.substr(begin, end - begin)));
    begin = end + 1;
    spool.lines.back().end = part.offset + begin;
  }
  spool.bytes = part.data.size() + part.skipped_bytes;
  return spool;
}

}  // namespace muster::server
