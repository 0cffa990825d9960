// Tables of a database and the steps from one version to the next.
#pragma once

#include <span>
#include <string>

#include "base/result.h"
#include "storage/sqlite/connection.h"

namespace muster::storage {

// "Must", in the file's header: tells our database from any other.
inline constexpr std::int64_t kApplicationId = 0x4d757374;
// PRAGMA user_version. Version 1 was the first.
inline constexpr std::int64_t kSchemaVersion = 1;

// One step of a migration: from version `from` to from + 1.
struct Migration {
  std::int64_t from = 0;
  const char* sql = "";
};

// What tells the databases of the state directory apart.
struct Schema {
  std::int64_t application_id = 0;  // in the file's header
  std::span<const Migration> steps;
};

// Of state.db.
const Schema& StateSchema();

// Brings an opened database to the last of `steps`, each in a transaction of its own with the
// version.
Status Migrate(Connection& connection, const Migration* steps, std::size_t count);
Status Migrate(Connection& connection, const Schema& schema);
// FAILED_PRECONDITION (kSchemaTooNew) for a database of a newer program.
Status CheckSchemaVersion(std::int64_t version, const Schema& schema);

}  // namespace muster::storage
