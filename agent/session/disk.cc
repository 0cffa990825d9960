#include "agent/session/disk.h"

#include <sys/statvfs.h>

#include <cerrno>
#include <cstring>

namespace muster::agent {

DiskSpace ReadDiskSpace(const std::string& directory, std::uint64_t reserve_bytes) {
  struct statvfs info {};
  if (statvfs(directory.c_str(), &info) != 0) return {0, true};
  DiskSpace space;
  space.free_bytes = static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize;
  space.low = space.free_bytes < reserve_bytes;
  return space;
}

Failure StagingFailure(const Error& error, const DiskSpace& disk) {
  const bool no_space = error.reason == ErrorReason::kDiskReserve || disk.low ||
                        error.message.find(std::strerror(ENOSPC)) != std::string::npos;
  return Failure{no_space ? FailureCode::kNodeDiskFull : FailureCode::kStagingFailed,
                 error.message};
}

}  // namespace muster::agent
