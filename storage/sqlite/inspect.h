// Checks of a state database before it is used: a damaged one is refused, with the check that
// failed and how to restore.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "storage/sqlite/connection.h"
#include "storage/sqlite/schema.h"

namespace muster::storage {

// Above this size `quick_check` would delay every start: the cheap checks and the validation of
// what is loaded stand in for it.
inline constexpr std::uint64_t kQuickCheckMaxBytes = 64ULL << 20;

// Appends how to restore to an error of a damaged database.
Error WithRestoreHint(Error error);

// Reads the file itself: call while no connection of this process is open (closing a second
// descriptor would drop SQLite's locks). Magic, application id, page size, stray journals.
Status CheckFile(const std::string& path, const Schema& schema = StateSchema());

// Checks through an open connection: that every page is there (in the file or the write-ahead log),
// the version, and, for a database of up to `quick_check_max_bytes`, the structure of all pages.
Status CheckPages(Connection& connection, const std::string& path,
                  std::uint64_t quick_check_max_bytes = kQuickCheckMaxBytes,
                  const Schema& schema = StateSchema());

}  // namespace muster::storage
