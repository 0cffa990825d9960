// Free space of the node's file system.
#pragma once

#include <cstdint>
#include <string>

#include "agent/core/agent_core.h"
#include "base/error.h"

namespace muster::agent {

struct DiskSpace {
  std::uint64_t free_bytes = 0;  // for unprivileged users
  bool low = false;              // less than the reserve
};
// A file system that cannot be asked counts as full.
DiskSpace ReadDiskSpace(const std::string& directory, std::uint64_t reserve_bytes);

// Why staging failed, as the server is to be told. A full disk is the node's fault.
Failure StagingFailure(const Error& error, const DiskSpace& disk);

}  // namespace muster::agent
