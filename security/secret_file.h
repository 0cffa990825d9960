// Files that hold keys, tokens and certificates. Blocking I/O: not for the core thread.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.h"

namespace muster::security {

inline constexpr std::size_t kMaxSecretFileBytes = 1 << 20;

// Replaces `path` with a file of mode 0600 that holds `content`: a reader sees the old content or
// the new one, and once this returns the new one is on disk. The directory must exist. kIo
// otherwise.
Status WriteSecretFile(const std::filesystem::path& path, std::string_view content);

// NOT_FOUND when there is no such file; FAILED_PRECONDITION when group or others may read or write
// it, or when it belongs to somebody other than this process's user or root, or is no regular file
// (following symbolic links); RESOURCE_EXHAUSTED above kMaxSecretFileBytes. Messages name the path,
// never content.
Result<std::string> ReadSecretFile(const std::filesystem::path& path);

// The same for what everybody may read but nobody else may write, such as a certificate.
Result<std::string> ReadPublicFile(const std::filesystem::path& path);

// Makes the directory (and its parents, with the default mode) with mode 0700, if it is not there
// yet.
Status MakeSecretDirectory(const std::filesystem::path& path);

}  // namespace muster::security
