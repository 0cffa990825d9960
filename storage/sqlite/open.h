// Opens a database of the state directory for writing: makes it if it was never there, checks it,
// brings its schema up to date.
#pragma once

#include <string>

#include "base/result.h"
#include "storage/sqlite/connection.h"
#include "storage/sqlite/schema.h"

namespace muster::storage {

// `path` is in `directory`. A file that is damaged, of another program, or of a newer one is
// refused (kCorruptState, kSchemaTooNew) and not changed. Mode 0600, a write-ahead log,
// synchronous=FULL; `mode` is
// kReadWrite or kPlainReadWrite. Waits, and says so, while the disk has no room for a start.
Result<Connection> OpenForWriting(const std::string& directory, const std::string& path,
                                  const Schema& schema, Connection::Mode mode);

}  // namespace muster::storage
