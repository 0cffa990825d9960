// What `muster login` leaves for the other verbs.
#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"

namespace muster::cli {

struct Config {
  std::string server;     // "host:port"
  std::string workspace;  // used when --workspace is not given
  std::string token;      // "<id>.<secret>", as it goes over the wire
  std::string ca_pem;     // the only root that connections trust
};

// $MUSTER_CONFIG, else $XDG_CONFIG_HOME/muster/config.json, else ~/.config/muster/config.json.
Result<std::filesystem::path> ConfigPath();

// Refuses a file that others may read or write. Errors say what to do, and show no content.
Result<Config> LoadConfig(const std::filesystem::path& path);
// Mode 0600, replaced as a whole; makes the directory (0700) if need be.
Status SaveConfig(const std::filesystem::path& path, const Config& config);

}  // namespace muster::cli
