// The server's settings: one flat TOML file over defaults, flags over both. Every setting has a
// default.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "security/pki.h"
#include "server/core/core.h"
#include "server/loop/core_thread.h"
#include "server/rpc/rpc_parts.h"
#include "storage/run_file_store.h"
#include "storage/tracking/record.h"

namespace muster::server {

struct ServerConfig {
  std::string state_dir = "/var/lib/muster";
  std::string listen = "0.0.0.0:7677";  // "host:port"; port 0: any free one
  security::ServerNames names;          // further names of the certificate
  LogLevel log_level = LogLevel::kInfo;
  std::string log_file;  // empty: stderr
  // Free space below which new work is refused.
  std::uint64_t disk_reserve_bytes = std::uint64_t{256} << 20;
  std::size_t io_threads = 4;
  storage::RunFileLimits run_files;
  storage::TrackingLimits tracking;
  CoreConfig core;
  CoreLoopLimits loop;
  RpcLimits rpc;
};

// `text` is TOML. INVALID_ARGUMENT lists every fault: unknown names, wrong types, values out of
// range.
Result<ServerConfig> ParseServerConfig(std::string_view text);
// NOT_FOUND if there is no such file.
Result<ServerConfig> ReadServerConfig(const std::string& path);

}  // namespace muster::server
