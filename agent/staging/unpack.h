// Unpacks a snapshot: a tar archive (pax or ustar, plain, gzip or zstd) of regular files,
// directories and links. The archive is hostile until shown otherwise: whatever would leave the
// directory, replace something, make a device or gain rights is refused, never repaired.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "agent/shim/launch_file.h"
#include "agent/shim/unique_fd.h"
#include "base/result.h"

namespace muster::agent {

struct UnpackLimits {
  std::uint64_t max_bytes = 0;  // of all files; a hole counts as what it stands for
  std::uint64_t max_entries = 0;
};
struct UnpackedCounts {
  std::uint64_t bytes = 0;
  std::uint64_t entries = 0;
};

// Blocking. On failure the directory holds a part of the archive.
Result<UnpackedCounts> UnpackSnapshot(const std::string& archive_path, UniqueFd directory,
                                      const std::optional<Credentials>& owner,
                                      const UnpackLimits& limits);

}  // namespace muster::agent
