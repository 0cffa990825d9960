// The two sources of settings: command line and TOML file. One table names them all.
#include <toml++/toml.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <filesystem>

#include "agent/session/config.h"
#include "agent/session/version.h"

namespace muster::agent {
namespace {

enum class Kind { kText, kInteger, kBoolean };

struct Setting {
  const char* name;
  Kind kind;
  const char* help;
};

constexpr std::array kSettings{
    Setting{"server", Kind::kText, "Server, HOST:PORT (port 7677 if left out)"},
    Setting{"directory", Kind::kText,
            "Directory of this node; default /var/lib/muster-agent, absolute"},
    Setting{"node_id", Kind::kText, "Node id, 1 to 63 of a-z 0-9 -; default: the host name"},
    Setting{"slots", Kind::kInteger, "Processes at once, 1 to 1024; default: number of cores"},
    Setting{"address", Kind::kText,
            "Address the other nodes reach this one at; default: that of the route to the server"},
    Setting{"host_name", Kind::kText,
            "Host name inside jobs; default: the machine's, or the node id with --virtual"},
    Setting{"virtual", Kind::kBoolean, "One of several nodes on this machine"},
    Setting{"interpreter", Kind::kText, "Python of the jobs; default /usr/bin/python3"},
    Setting{"job_user", Kind::kText,
            "Account the jobs run as when the agent is root; default muster-job or nobody"},
    Setting{"program_directory", Kind::kText, "Where muster-shim and muster-rsh are"},
    Setting{"job_python_dir", Kind::kText,
            "Modules that every script finds; default share/muster/job-python beside the program"},
    Setting{"isolation", Kind::kText,
            "auto, namespaces or none: how a job's processes are held together; default auto"},
    Setting{"join_token_file", Kind::kText,
            "File with the join token, for the first start (or MUSTER_JOIN_TOKEN_FILE)"},
    Setting{"disk_reserve_bytes", Kind::kInteger,
            "No new work below this much free space; default 268435456"},
    Setting{"blob_cache_max_bytes", Kind::kInteger,
            "Snapshots that no attempt uses are removed above this; default 53687091200 (50 GiB)"},
    Setting{"log_level", Kind::kText, "debug, info, warning or error; default info"},
    Setting{"log_file", Kind::kText, "File for the log, absolute; default: stderr"},
};

std::string FlagName(const std::string& setting) {
  std::string flag = "--" + setting;
  std::replace(flag.begin(), flag.end(), '_', '-');
  return flag;
}

std::optional<std::string> TextOf(const toml::node& node, Kind kind) {
  switch (kind) {
    case Kind::kText:
      if (const auto* text = node.as_string()) return text->get();
      return std::nullopt;
    case Kind::kInteger:
      if (const auto* number = node.as_integer()) return std::to_string(number->get());
      return std::nullopt;
    case Kind::kBoolean:
      if (const auto* flag = node.as_boolean()) return flag->get() ? "true" : "false";
      return std::nullopt;
  }
  return std::nullopt;
}

const char* KindName(Kind kind) {
  switch (kind) {
    case Kind::kText:
      return "a string";
    case Kind::kInteger:
      return "an integer";
    case Kind::kBoolean:
      return "true or false";
  }
  return "";
}

Result<RawSettings> ReadTable(const toml::table& table, const std::string& path) {
  RawSettings settings;
  std::vector<Fault> faults;
  for (const auto& [key, node] : table) {
    const std::string name(key.str());
    const auto* setting = std::find_if(kSettings.begin(), kSettings.end(),
                                       [&](const Setting& known) { return name == known.name; });
    if (setting == kSettings.end()) {
      faults.push_back({name, "", "is no setting of muster-agent (in " + path + ")"});
      continue;
    }
    auto text = TextOf(node, setting->kind);
    if (text) {
      settings[name] = std::move(*text);
    } else {
      faults.push_back({name, "", std::string("must be ") + KindName(setting->kind)});
    }
  }
  if (!faults.empty()) return Fail(InvalidSpec(std::move(faults)));
  return settings;
}

}  // namespace

CommandLine ParseCommandLine(int argc, const char* const* argv) {
  CommandLine result;
  CLI::App app{
      "muster-agent: runs the jobs that a Muster server assigns to this node.\n"
      "Every flag is also a setting of the TOML file, with underscores."};
  app.set_version_flag("--version", std::string("muster-agent ") + kAgentVersion);
  app.add_option("--config", result.config_file, "TOML file with settings");
  std::map<std::string, std::string> texts;
  std::map<std::string, bool> switches;
  for (const Setting& setting : kSettings) {
    const std::string flag = FlagName(setting.name);
    if (setting.kind == Kind::kBoolean) {
      app.add_flag(flag, switches[setting.name], setting.help);
    } else {
      app.add_option(flag, texts[setting.name], setting.help);
    }
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    result.exit_code = app.exit(error) == 0 ? 0 : 2;
    return result;
  }
  for (const Setting& setting : kSettings) {
    if (app.count(FlagName(setting.name)) == 0) continue;
    result.settings[setting.name] = setting.kind == Kind::kBoolean ? "true" : texts[setting.name];
  }
  return result;
}

Result<RawSettings> ReadConfigFile(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) {
    return Fail(ErrorCode::kNotFound, ErrorReason::kIo,
                "configuration file " + path + " does not exist");
  }
  try {
    return ReadTable(toml::parse_file(path), path);
  } catch (const toml::parse_error& fault) {
    const auto line = fault.source().begin.line;
    return Fail(ErrorCode::kInvalidArgument, ErrorReason::kInvalidSpec,
                path + " line " + std::to_string(line) + ": " + std::string(fault.description()));
  }
}

}  // namespace muster::agent
