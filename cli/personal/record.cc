#include "cli/personal/record.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/outcome.h"
#include "security/secret_file.h"

namespace muster::cli {
namespace {

using nlohmann::json;

constexpr int kVersion = 1;

json ToJson(const std::optional<ProcessMark>& mark) {
  if (!mark) return nullptr;
  return {{"pid", mark->pid}, {"started_ticks", mark->started_ticks}, {"boot_id", mark->boot_id}};
}

std::optional<ProcessMark> MarkFrom(const json& value) {
  if (value.is_null()) return std::nullopt;
  ProcessMark mark{value.at("pid").get<pid_t>(), value.at("started_ticks").get<std::uint64_t>(),
                   value.at("boot_id").get<std::string>()};
  // 0 and below name groups of processes.
  if (mark.pid <= 1) return std::nullopt;
  return mark;
}

bool IsNodeName(const std::string& name) {
  return !name.empty() && name.size() <= 63 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

Error Unusable(const std::string& what) {
  return UsageError("the record of the personal server " + what);
}

Result<PersonalRecord> RecordFrom(const json& document) {
  if (document.at("version").get<int>() != kVersion) {
    return Fail(Unusable("is of another version of muster"));
  }
  PersonalRecord record;
  record.address = document.at("address").get<std::string>();
  record.interpreter = document.at("interpreter").get<std::string>();
  record.server = MarkFrom(document.at("server"));
  for (const json& item : document.at("nodes")) {
    PersonalNode node{item.at("name").get<std::string>(), item.at("slots").get<std::uint32_t>(),
                      MarkFrom(item.at("process"))};
    if (!IsNodeName(node.name) || node.slots < 1 || node.slots > kMaxPersonalSlots) {
      return Fail(Unusable("names a node that cannot be one"));
    }
    record.nodes.push_back(std::move(node));
  }
  if (record.nodes.size() > kMaxPersonalNodes) return Fail(Unusable("names too many nodes"));
  return record;
}

}  // namespace

std::string FormatRecord(const PersonalRecord& record) {
  json nodes = json::array();
  for (const PersonalNode& node : record.nodes) {
    nodes.push_back(
        {{"name", node.name}, {"slots", node.slots}, {"process", ToJson(node.process)}});
  }
  const json document = {{"version", kVersion},
                         {"address", record.address},
                         {"interpreter", record.interpreter},
                         {"server", ToJson(record.server)},
                         {"nodes", std::move(nodes)}};
  return document.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

Result<PersonalRecord> ParseRecord(std::string_view text) {
  try {
    return RecordFrom(json::parse(text));
  } catch (const json::exception&) {
    return Fail(Unusable("cannot be understood"));
  }
}

Result<std::optional<PersonalRecord>> LoadRecord(const std::filesystem::path& path) {
  const Result<std::string> text = security::ReadSecretFile(path);
  if (!text && text.error().code == ErrorCode::kNotFound) return std::optional<PersonalRecord>();
  if (!text) return Fail(text.error());
  Result<PersonalRecord> record = ParseRecord(*text);
  if (record) return std::optional(std::move(*record));
  Error error = std::move(record).error();
  error.message += ": " + path.string() +
                   ". If nothing of it runs any more, remove that file and run `muster up`";
  return Fail(std::move(error));
}

Status SaveRecord(const std::filesystem::path& path, const PersonalRecord& record) {
  return security::WriteSecretFile(path, FormatRecord(record));
}

}  // namespace muster::cli
