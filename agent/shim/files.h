// Small files and local sockets by directory descriptor. Nothing here follows a symlink in the last
// component: the directories may be writable for the job.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "agent/shim/unique_fd.h"
#include "base/result.h"

namespace muster::agent {

// An INTERNAL error that ends with the text of errno.
Error SystemError(ErrorReason reason, std::string_view what);

// A directory that may be searched but not read gives a descriptor that can't be synced.
Result<UniqueFd> OpenDirectory(const std::string& path);

// Content of a regular file of at most max_bytes; a longer or other kind of file is an error.
Result<std::string> ReadFileAt(int directory, const std::string& name, std::size_t max_bytes);
// The last bytes of a regular file with one name, at most max_bytes; empty if there is none.
std::string ReadTailAt(int directory, const std::string& name, std::size_t max_bytes);

enum class Durability : std::uint8_t { kRename, kSync };
// Temporary file, rename; with kSync the file and its directory are on disk when this returns.
Status WriteFileAt(int directory, const std::string& name, std::string_view content, mode_t mode,
                   Durability durability);

// Puts on disk what WriteFileAt with kRename has written.
Status SyncFileAt(int directory, const std::string& name);

// Writes all of it to a descriptor that blocks.
bool WriteAll(int fd, std::string_view data);

// Unix stream sockets by directory and name, so that the path's length does not matter. The
// descriptors are close-on-exec and non-blocking.
Result<UniqueFd> ListenAt(int directory, const std::string& name, mode_t mode);
Result<UniqueFd> ConnectAt(int directory, const std::string& name);

// Microseconds since 1970 UTC.
std::int64_t WallMicros();
// Microseconds of the monotonic clock.
std::int64_t SteadyMicros();

}  // namespace muster::agent
