#include "agent/shim/records.h"

#include <nlohmann/json.hpp>

namespace muster::agent {
namespace {

using nlohmann::json;

std::string Dump(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

template <class T, class Read>
Result<T> Parse(const std::string& text, const char* what, Read read) {
  try {
    return read(json::parse(text));
  } catch (const json::exception& error) {
    return Fail(ErrorCode::kInvalidArgument, ErrorReason::kIo,
                std::string("unreadable ") + what + ": " + error.what());
  }
}

json Value(const RankRecord& record) {
  json value = {{"rank", record.rank},
                {"pid", record.pid},
                {"started_us", record.started_us},
                {"ended_us", record.ended_us}};
  if (record.exit_code) value["exit_code"] = *record.exit_code;
  if (record.signal) value["signal"] = *record.signal;
  if (!record.launch_error.empty()) value["launch_error"] = record.launch_error;
  if (record.collateral) value["collateral"] = true;
  return value;
}

RankRecord RankFrom(const json& value) {
  RankRecord record;
  value.at("rank").get_to(record.rank);
  value.at("pid").get_to(record.pid);
  value.at("started_us").get_to(record.started_us);
  value.at("ended_us").get_to(record.ended_us);
  if (value.contains("exit_code")) record.exit_code = value.at("exit_code").get<std::int32_t>();
  if (value.contains("signal")) record.signal = value.at("signal").get<std::int32_t>();
  record.launch_error = value.value("launch_error", std::string());
  record.collateral = value.value("collateral", false);
  return record;
}

json Value(const DaemonRecord& record) {
  json value = {{"id", record.id}, {"words", record.words}};
  if (record.exit_code) value["exit_code"] = *record.exit_code;
  return value;
}

DaemonRecord DaemonFrom(const json& value) {
  DaemonRecord record;
  value.at("id").get_to(record.id);
  value.at("words").get_to(record.words);
  if (value.contains("exit_code")) record.exit_code = value.at("exit_code").get<std::int32_t>();
  return record;
}

json Value(const ExitRecord& record) {
  json value = {{"ranks", json::array()}, {"daemons", json::array()}};
  for (const RankRecord& rank : record.ranks) value["ranks"].push_back(Value(rank));
  for (const DaemonRecord& daemon : record.daemons) value["daemons"].push_back(Value(daemon));
  if (record.failure) {
    value["failure"] = static_cast<int>(*record.failure);
    value["failure_message"] = record.failure_message;
  }
  return value;
}

ExitRecord ExitFrom(const json& value) {
  ExitRecord record;
  for (const json& rank : value.at("ranks")) record.ranks.push_back(RankFrom(rank));
  for (const json& daemon : value.at("daemons")) record.daemons.push_back(DaemonFrom(daemon));
  if (value.contains("failure")) {
    record.failure = static_cast<ShimFailure>(value.at("failure").get<int>());
    value.at("failure_message").get_to(record.failure_message);
  }
  return record;
}

}  // namespace

std::string ToJson(const RankRecord& record) { return Dump(Value(record)); }
Result<RankRecord> ParseRankRecord(const std::string& text) {
  return Parse<RankRecord>(text, "rank record", RankFrom);
}
std::string ToJson(const ExitRecord& record) { return Dump(Value(record)); }
Result<ExitRecord> ParseExitRecord(const std::string& text) {
  return Parse<ExitRecord>(text, "exit record", ExitFrom);
}

std::string ToLine(const ShimEvent& event) {
  json value = {{"event", static_cast<int>(event.kind)}};
  switch (event.kind) {
    case ShimEvent::Kind::kSupervisor:
      value["pid"] = event.pid;
      break;
    case ShimEvent::Kind::kRank:
      value["rank"] = Value(event.rank);
      break;
    case ShimEvent::Kind::kDaemon:
      value["daemon"] = Value(event.daemon);
      break;
    case ShimEvent::Kind::kExited:
      value["exit"] = Value(event.exit);
      break;
    case ShimEvent::Kind::kRunning:
    case ShimEvent::Kind::kLevelEnd:
      break;
  }
  return Dump(value) + "\n";
}

Result<ShimEvent> ParseShimEvent(const std::string& line) {
  return Parse<ShimEvent>(line, "shim event", [](const json& value) {
    ShimEvent event;
    event.kind = static_cast<ShimEvent::Kind>(value.at("event").get<int>());
    event.pid = value.value("pid", 0);
    if (value.contains("rank")) event.rank = RankFrom(value.at("rank"));
    if (value.contains("daemon")) event.daemon = DaemonFrom(value.at("daemon"));
    if (value.contains("exit")) event.exit = ExitFrom(value.at("exit"));
    return event;
  });
}

std::string ToLine(const ShimCommand& command) {
  json value = {{"command", static_cast<int>(command.kind)}, {"grace_us", command.grace_us}};
  if (command.kind == ShimCommand::Kind::kStartDaemon) value["daemon"] = Value(command.daemon);
  if (command.kind == ShimCommand::Kind::kLease)
    value["lease"] = {{"until_us", command.lease.until_us}, {"message", command.lease.message}};
  return Dump(value) + "\n";
}

Result<ShimCommand> ParseShimCommand(const std::string& line) {
  return Parse<ShimCommand>(line, "shim command", [](const json& value) {
    ShimCommand command;
    command.kind = static_cast<ShimCommand::Kind>(value.at("command").get<int>());
    value.at("grace_us").get_to(command.grace_us);
    if (value.contains("daemon")) command.daemon = DaemonFrom(value.at("daemon"));
    if (value.contains("lease")) {
      value.at("lease").at("until_us").get_to(command.lease.until_us);
      value.at("lease").at("message").get_to(command.lease.message);
    }
    return command;
  });
}

std::string ToLine(const RshRequest& request) {
  return Dump({{"id", request.id}, {"node", request.node}, {"words", request.words}}) + "\n";
}

Result<RshRequest> ParseRshRequest(const std::string& line) {
  return Parse<RshRequest>(line, "request of muster-rsh", [](const json& value) {
    return RshRequest{value.at("id").get<std::uint64_t>(), value.at("node").get<std::string>(),
                      value.at("words").get<std::vector<std::string>>()};
  });
}

std::string RshAnswerLine(std::int32_t exit_code) {
  return Dump({{"exit_code", exit_code}}) + "\n";
}

Result<std::int32_t> ParseRshAnswer(const std::string& line) {
  return Parse<std::int32_t>(line, "answer of the agent", [](const json& value) {
    return value.at("exit_code").get<std::int32_t>();
  });
}

}  // namespace muster::agent
