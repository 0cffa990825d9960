// Packs a source directory into one object with a digest that depends on its content alone.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/digest.h"
#include "base/result.h"
#include "cli/owned_fd.h"

namespace muster::cli {

struct PackedDirectory {
  OwnedFd file;  // unlinked: it vanishes with this object
  Digest digest;
  std::uint64_t size_bytes = 0;
  std::uint64_t file_count = 0;
};

// A pax tar: entries in byte order of their paths, times 0, owner 0, permission bits kept. The same
// content gives the same digest on any machine and under any name; what the directory's ignore file
// excludes is no content. Fails as ListSourceTree does
// (cli/source_tree.h), when an ignore file excludes `script` (relative; empty: none), when a file
// changes its size meanwhile, and when the temporary file (in $TMPDIR, else /var/tmp) cannot be
// written.
Result<PackedDirectory> PackDirectory(const std::filesystem::path& directory,
                                      const std::string& script = "");

}  // namespace muster::cli
