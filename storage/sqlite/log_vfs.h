// An SQLite VFS for the connection that writes. Of a commit's write-ahead log SQLite writes every
// frame in two pieces, each with a system call; here they are gathered and go to the file in one
// when the log is synced, read or looked at in any other way. The log has a first size from the
// start: a sync of what grows a file costs half as much again, for its new size. All other files
// are the default VFS's.
#pragma once

namespace muster::storage {

// The name to open a connection with; registers the VFS when first called. Thread-safe.
const char* LogVfs();

}  // namespace muster::storage
