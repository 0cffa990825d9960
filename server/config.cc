#include "server/config.h"

#include <toml++/toml.h>

#include <fstream>
#include <functional>
#include <limits>
#include <map>
#include <sstream>

namespace muster::server {
namespace {

constexpr std::int64_t kHourMs = 3'600'000;

// Reads one setting into the configuration; what is wrong with it, or nothing.
using Reader = std::function<std::string(const toml::node&, ServerConfig&)>;

std::string ReadInteger(const toml::node& node, std::int64_t low, std::int64_t high,
                        const std::function<void(std::int64_t)>& set) {
  const auto* integer = node.as_integer();
  if (integer == nullptr) return "must be an integer";
  if (integer->get() < low || integer->get() > high) {
    return "is " + std::to_string(integer->get()) + ", must be " + std::to_string(low) + ".." +
           std::to_string(high);
  }
  set(integer->get());
  return {};
}

// `member` selects the place in the configuration.
template <class Select>
Reader Milliseconds(std::int64_t low, std::int64_t high, Select member) {
  return [=](const toml::node& node, ServerConfig& config) {
    return ReadInteger(node, low, high, [&](std::int64_t value) {
      member(config) = std::chrono::milliseconds(value);
    });
  };
}

template <class Select>
Reader Integer(std::int64_t low, std::int64_t high, Select member) {
  return [=](const toml::node& node, ServerConfig& config) {
    return ReadInteger(node, low, high, [&](std::int64_t value) {
      auto& place = member(config);
      place = static_cast<std::remove_reference_t<decltype(place)>>(value);
    });
  };
}

template <class Select>
Reader Text(Select member) {
  return [=](const toml::node& node, ServerConfig& config) -> std::string {
    const auto* text = node.as_string();
    if (text == nullptr || text->get().empty()) return "must be a string, not empty";
    member(config) = text->get();
    return {};
  };
}

template <class Select>
Reader Texts(Select member) {
  return [=](const toml::node& node, ServerConfig& config) -> std::string {
    const auto* array = node.as_array();
    if (array == nullptr) return "must be a list of strings";
    for (const toml::node& entry : *array) {
      if (!entry.is_string()) return "must be a list of strings";
      member(config).push_back(entry.as_string()->get());
    }
    return {};
  };
}

std::string ReadLogLevel(const toml::node& node, ServerConfig& config) {
  const auto* text = node.as_string();
  if (text != nullptr && ParseLogLevel(text->get(), config.log_level)) return {};
  return "must be \"debug\", \"info\", \"warning\" or \"error\"";
}

using ReaderTable = std::map<std::string, Reader, std::less<>>;

constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();

ReaderTable ReadersOfTheProcess() {
  return {
      {"state_dir", Text([](auto& c) -> auto& { return c.state_dir; })},
      {"listen", Text([](auto& c) -> auto& { return c.listen; })},
      {"names", Texts([](auto& c) -> auto& { return c.names.dns_names; })},
      {"addresses", Texts([](auto& c) -> auto& { return c.names.addresses; })},
      {"log_level", ReadLogLevel},
      {"log_file", Text([](auto& c) -> auto& { return c.log_file; })},
      {"disk_reserve_bytes", Integer(
                                 0, kMax, [](auto& c) -> auto& { return c.disk_reserve_bytes; })},
      {"io_threads", Integer(
                         1, 64, [](auto& c) -> auto& { return c.io_threads; })},
  };
}

ReaderTable ReadersOfTheCore() {
  return {
      {"heartbeat_interval_ms",
       Milliseconds(
           10, kHourMs, [](auto& c) -> auto& { return c.core.heartbeat_interval; })},
      {"not_responding_after_ms",
       Milliseconds(
           100, 24 * kHourMs, [](auto& c) -> auto& { return c.core.not_responding_after; })},
      {"lost_after_ms",
       Milliseconds(
           100, 720 * kHourMs, [](auto& c) -> auto& { return c.core.lost_after; })},
      {"default_lease_ms",
       Milliseconds(
           1'000, kHourMs, [](auto& c) -> auto& { return c.core.default_lease; })},
      {"lease_margin_ms", Milliseconds(
                              0, kHourMs, [](auto& c) -> auto& { return c.core.lease_margin; })},
      {"planned_stop_extension_ms",
       Milliseconds(
           0, 24 * kHourMs, [](auto& c) -> auto& { return c.core.planned_stop_extension; })},
      {"prepare_timeout_ms",
       Milliseconds(
           1'000, 24 * kHourMs, [](auto& c) -> auto& { return c.core.prepare_timeout; })},
      {"master_port_first",
       Integer(
           1'024, 65'535, [](auto& c) -> auto& { return c.core.master_port_first; })},
      {"master_port_count",
       Integer(
           1, 64'512, [](auto& c) -> auto& { return c.core.master_port_count; })},
      {"max_waiting_jobs",
       Integer(
           1, 100'000'000, [](auto& c) -> auto& { return c.core.max_waiting_jobs; })},
  };
}

ReaderTable ReadersOfTheCalls() {
  return {
      {"max_blob_bytes", Integer(
                             1, kMax, [](auto& c) -> auto& { return c.rpc.max_blob_bytes; })},
      {"max_run_file_bytes",
       Integer(
           1, kMax, [](auto& c) -> auto& { return c.run_files.max_file_bytes; })},
      {"max_attempt_run_file_bytes",
       Integer(
           1, kMax, [](auto& c) -> auto& { return c.run_files.max_attempt_bytes; })},
      {"max_run_metric_names",
       Integer(
           1, 1'000'000, [](auto& c) -> auto& { return c.tracking.max_metric_names; })},
      {"max_run_metric_values",
       Integer(
           1, 1'000'000'000'000, [](auto& c) -> auto& { return c.tracking.max_metric_values; })},
      {"max_uploads", Integer(
                          1, 1'000, [](auto& c) -> auto& { return c.rpc.max_uploads; })},
      {"stall_timeout_ms",
       Milliseconds(
           1'000, kHourMs, [](auto& c) -> auto& { return c.rpc.stall_timeout; })},
      {"max_streams", Integer(
                          1, 100'000, [](auto& c) -> auto& { return c.rpc.max_streams; })},
      {"path_check_timeout_ms",
       Milliseconds(
           0, 10'000, [](auto& c) -> auto& { return c.rpc.path_check_timeout; })},
      {"max_watch_lag", Integer(
                            1, 1'000'000, [](auto& c) -> auto& { return c.rpc.max_watch_lag; })},
  };
}

const ReaderTable& Readers() {
  static const ReaderTable kReaders = [] {
    ReaderTable all = ReadersOfTheProcess();
    all.merge(ReadersOfTheCore());
    all.merge(ReadersOfTheCalls());
    return all;
  }();
  return kReaders;
}

void CheckTogether(const ServerConfig& config, std::vector<Fault>& faults) {
  const auto add = [&faults](std::string name, std::string message) {
    faults.push_back(Fault{std::move(name), "", std::move(message)});
  };
  if (config.core.not_responding_after <= config.core.heartbeat_interval) {
    add("not_responding_after_ms", "must be longer than heartbeat_interval_ms");
  }
  if (config.core.lost_after < config.core.not_responding_after) {
    add("lost_after_ms", "must not be shorter than not_responding_after_ms");
  }
  if (config.core.default_lease <= config.core.heartbeat_interval) {
    add("default_lease_ms", "must be longer than heartbeat_interval_ms, which renews leases");
  }
  if (config.core.master_port_first + config.core.master_port_count > 65'536) {
    add("master_port_count", "leads beyond port 65535");
  }
}

Error ConfigError(std::vector<Fault> faults) {
  std::string message = "the configuration has " + std::to_string(faults.size()) +
                        (faults.size() == 1 ? " fault:" : " faults:");
  for (const Fault& fault : faults) message += "\n  " + fault.field + ": " + fault.message;
  return Error{ErrorCode::kInvalidArgument, ErrorReason::kInvalidSpec, std::move(message),
               std::move(faults)};
}

Result<toml::table> ParseToml(std::string_view text) {
  try {
    return toml::parse(text);
  } catch (const toml::parse_error& error) {
    return Fail(ErrorCode::kInvalidArgument, ErrorReason::kInvalidSpec,
                "line " + std::to_string(error.source().begin.line) + ": " +
                    std::string(error.description()));
  }
}

}  // namespace

Result<ServerConfig> ParseServerConfig(std::string_view text) {
  MUSTER_ASSIGN(const toml::table table, ParseToml(text));
  ServerConfig config;
  std::vector<Fault> faults;
  for (const auto& [key, node] : table) {
    const auto reader = Readers().find(key.str());
    std::string wrong =
        reader == Readers().end() ? "is not a setting of the server" : reader->second(node, config);
    if (!wrong.empty()) faults.push_back(Fault{std::string(key.str()), "", std::move(wrong)});
  }
  if (faults.empty()) CheckTogether(config, faults);
  if (!faults.empty()) return Fail(ConfigError(std::move(faults)));
  return config;
}

Result<ServerConfig> ReadServerConfig(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return Fail(ErrorCode::kNotFound, ErrorReason::kIo, "cannot read the configuration " + path);
  }
  std::ostringstream text;
  text << file.rdbuf();
  Result<ServerConfig> config = ParseServerConfig(text.str());
  if (!config) {
    Error error = config.error();
    error.message = path + ": " + error.message;
    return Fail(std::move(error));
  }
  return config;
}

}  // namespace muster::server
