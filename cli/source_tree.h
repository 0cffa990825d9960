// What of a source directory goes into a snapshot, checked before anything is packed or uploaded.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/ignore_rules.h"

namespace muster::cli {

enum class EntryKind { kDirectory, kFile, kLink };

struct SourceEntry {
  std::string path;  // relative to the source directory
  EntryKind kind = EntryKind::kFile;
  mode_t mode = 0;          // permission bits alone: no setuid, setgid, sticky
  std::uint64_t size = 0;   // of a file, bytes
  std::string link_target;  // of a link
};

// All entries below `directory` in byte order of their paths, without directories named ".git" and
// without what the rules exclude. Fails with a fault for each entry that cannot be taken: sockets,
// FIFOs, devices, files that cannot be read, links that lead out of the directory. Follows no
// links.
Result<std::vector<SourceEntry>> ListSourceTree(const std::filesystem::path& directory,
                                                const IgnoreRules& rules);

// The script's path relative to the directory. Fails when the directory or the script is not there,
// or when the script (after links) lies outside.
Result<std::string> LocateScript(const std::filesystem::path& directory,
                                 const std::filesystem::path& script);

}  // namespace muster::cli
