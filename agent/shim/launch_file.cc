#include "agent/shim/launch_file.h"

#include <nlohmann/json.hpp>

namespace muster::agent {
namespace {

using nlohmann::json;

json ToJsonValue(const Credentials& credentials) {
  return {{"uid", credentials.uid}, {"gid", credentials.gid}, {"groups", credentials.groups}};
}

Credentials CredentialsFrom(const json& value) {
  return {value.at("uid").get<uid_t>(), value.at("gid").get<gid_t>(),
          value.at("groups").get<std::vector<gid_t>>()};
}

LaunchFile FromJson(const json& value) {
  LaunchFile launch;
  value.at("attempt").get_to(launch.attempt);
  value.at("node").get_to(launch.node);
  value.at("attempt_directory").get_to(launch.attempt_directory);
  value.at("node_directory").get_to(launch.node_directory);
  value.at("program_directory").get_to(launch.program_directory);
  value.at("host_name").get_to(launch.host_name);
  value.at("namespaces").get_to(launch.namespaces);
  if (value.contains("credentials")) launch.credentials = CredentialsFrom(value.at("credentials"));
  launch.mode = static_cast<LaunchMode>(value.at("mode").get<int>());
  value.at("gang").get_to(launch.gang);
  value.at("world_size").get_to(launch.world_size);
  value.at("first_rank").get_to(launch.first_rank);
  value.at("rank_count").get_to(launch.rank_count);
  value.at("environment").get_to(launch.environment);
  value.at("interpreter").get_to(launch.interpreter);
  value.at("script").get_to(launch.script);
  value.at("arguments").get_to(launch.arguments);
  value.at("launcher").get_to(launch.launcher);
  value.at("launcher_environment").get_to(launch.launcher_environment);
  for (const json& item : value.at("data"))
    launch.data.push_back(
        {item.at("name").get<std::string>(), item.at("source").get<std::string>()});
  for (const json& item : value.value("hosts", json::array()))
    launch.hosts.push_back(
        {item.at("name").get<std::string>(), item.at("address").get<std::string>()});
  value.at("rank_log_max_bytes").get_to(launch.rank_log_max_bytes);
  launch.lease = {value.value("lease_until_us", std::int64_t{0}),
                  value.value("lease_message", std::string())};
  return launch;
}

}  // namespace

std::string ToJson(const LaunchFile& launch) {
  json value = {
      {"attempt", launch.attempt},
      {"node", launch.node},
      {"attempt_directory", launch.attempt_directory},
      {"node_directory", launch.node_directory},
      {"program_directory", launch.program_directory},
      {"host_name", launch.host_name},
      {"namespaces", launch.namespaces},
      {"mode", static_cast<int>(launch.mode)},
      {"gang", launch.gang},
      {"world_size", launch.world_size},
      {"first_rank", launch.first_rank},
      {"rank_count", launch.rank_count},
      {"environment", launch.environment},
      {"interpreter", launch.interpreter},
      {"script", launch.script},
      {"arguments", launch.arguments},
      {"launcher", launch.launcher},
      {"launcher_environment", launch.launcher_environment},
      {"rank_log_max_bytes", launch.rank_log_max_bytes},
      {"lease_until_us", launch.lease.until_us},
      {"lease_message", launch.lease.message},
  };
  if (launch.credentials) value["credentials"] = ToJsonValue(*launch.credentials);
  json data = json::array();
  for (const DataMount& mount : launch.data)
    data.push_back({{"name", mount.name}, {"source", mount.source}});
  value["data"] = std::move(data);
  for (const HostEntry& host : launch.hosts)
    value["hosts"].push_back({{"name", host.name}, {"address", host.address}});
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<LaunchFile> ParseLaunchFile(const std::string& text) {
  try {
    return FromJson(json::parse(text));
  } catch (const json::exception& error) {
    return Fail(ErrorCode::kDataLoss, ErrorReason::kLaunch,
                std::string("launch.json is damaged: ") + error.what());
  }
}

std::string RankLogName(std::uint32_t world_size, std::uint32_t rank) {
  if (world_size == 1) return "70_driver_log.txt";
  return "70_driver_log_" + std::to_string(rank) + ".txt";
}

}  // namespace muster::agent
