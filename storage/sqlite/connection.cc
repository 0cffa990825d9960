#include "storage/sqlite/connection.h"

#include "base/check.h"
#include "storage/sqlite/log_vfs.h"

namespace muster::storage {

Error SqliteError(sqlite3* database, std::string_view doing) {
  const int code = sqlite3_extended_errcode(database);
  Error error{ErrorCode::kInternal, ErrorReason::kIo,
              "the state database failed at " + std::string(doing) + ": " +
                  sqlite3_errmsg(database) + " (SQLite code " + std::to_string(code) + ")"};
  switch (code & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      error.code = ErrorCode::kDataLoss;
      error.reason = ErrorReason::kCorruptState;
      break;
    case SQLITE_FULL:
      error.code = ErrorCode::kResourceExhausted;
      break;
    default:
      break;  // an int of SQLite, not an enumeration of ours
  }
  return error;
}

Statement& Statement::Bind(int index, std::int64_t value) {
  MUSTER_CHECK(sqlite3_bind_int64(statement_.get(), index, value) == SQLITE_OK);
  return *this;
}

Statement& Statement::Bind(int index, std::uint64_t value) {
  return Bind(index, static_cast<std::int64_t>(value));
}

Statement& Statement::BindText(int index, std::string_view text) {
  const char* data = text.data() == nullptr ? "" : text.data();
  MUSTER_CHECK(sqlite3_bind_text64(statement_.get(), index, data, text.size(), SQLITE_STATIC,
                                   SQLITE_UTF8) == SQLITE_OK);
  return *this;
}

Statement& Statement::BindBlob(int index, std::string_view bytes) {
  const char* data = bytes.data() == nullptr ? "" : bytes.data();
  MUSTER_CHECK(sqlite3_bind_blob64(statement_.get(), index, data, bytes.size(), SQLITE_STATIC) ==
               SQLITE_OK);
  return *this;
}

Statement& Statement::BindNull(int index) {
  MUSTER_CHECK(sqlite3_bind_null(statement_.get(), index) == SQLITE_OK);
  return *this;
}

Result<bool> Statement::Step() {
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) {
    sqlite3_reset(statement_.get());
    return false;
  }
  Error error = SqliteError(sqlite3_db_handle(statement_.get()), sqlite3_sql(statement_.get()));
  sqlite3_reset(statement_.get());
  return Fail(std::move(error));
}

Status Statement::Run() {
  MUSTER_ASSIGN(const bool row, Step());
  if (row) Reset();
  return {};
}

void Statement::Reset() { sqlite3_reset(statement_.get()); }

std::int64_t Statement::Integer(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

std::string_view Statement::Bytes(int column) const {
  const void* data = sqlite3_column_blob(statement_.get(), column);
  const int size = sqlite3_column_bytes(statement_.get(), column);
  return {static_cast<const char*>(data), static_cast<std::size_t>(size)};
}

bool Statement::IsNull(int column) const {
  return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL;
}

Result<Connection> Connection::Open(const std::string& path, Mode mode) {
  const char* vfs = nullptr;
  int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  switch (mode) {
    case Mode::kReadOnly:
      flags |= SQLITE_OPEN_READONLY;
      break;
    case Mode::kReadWrite:
      flags |= SQLITE_OPEN_READWRITE;
      vfs = LogVfs();
      break;
    case Mode::kPlainReadWrite:
      flags |= SQLITE_OPEN_READWRITE;
      break;
    case Mode::kCreate:
      flags |= SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
      break;
  }
  sqlite3* raw = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &raw, flags, vfs);
  Connection connection(raw);
  MUSTER_CHECK(raw != nullptr, "no memory for a database connection");
  if (code != SQLITE_OK) return Fail(SqliteError(raw, "opening " + path));
  // Only tools of the operator (a backup) ever hold a lock for a moment.
  sqlite3_busy_timeout(raw, 10'000);
  return connection;
}

Status Connection::Execute(const char* sql) {
  if (sqlite3_exec(raw(), sql, nullptr, nullptr, nullptr) != SQLITE_OK) {
    return Fail(SqliteError(raw(), sql));
  }
  return {};
}

Result<Statement> Connection::Prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v3(raw(), sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT,
                         &statement, nullptr) != SQLITE_OK) {
    return Fail(SqliteError(raw(), sql));
  }
  return Statement(statement);
}

Result<std::int64_t> Connection::QueryInteger(std::string_view sql) {
  MUSTER_ASSIGN(Statement statement, Prepare(sql));
  MUSTER_ASSIGN(const bool row, statement.Step());
  if (!row) {
    return Fail(ErrorCode::kDataLoss, ErrorReason::kCorruptState,
                "the state database has no row for " + std::string(sql));
  }
  return statement.Integer(0);
}

Result<std::string> Connection::QueryText(std::string_view sql) {
  MUSTER_ASSIGN(Statement statement, Prepare(sql));
  MUSTER_ASSIGN(const bool row, statement.Step());
  return row ? std::string(statement.Text(0)) : std::string();
}

Status Connection::RunKept(std::optional<Statement>& kept, std::string_view sql) {
  if (!kept) {
    MUSTER_ASSIGN(kept, Prepare(sql));
  }
  return kept->Run();
}

Result<Transaction> Transaction::Begin(Connection& connection, Kind kind) {
  MUSTER_TRY(kind == Kind::kWrite ? connection.RunKept(connection.begin_write_, "BEGIN IMMEDIATE")
                                  : connection.RunKept(connection.begin_read_, "BEGIN"));
  return Transaction(connection);
}

Transaction::~Transaction() {
  if (connection_ != nullptr) {
    sqlite3_exec(connection_->raw(), "ROLLBACK", nullptr, nullptr, nullptr);
  }
}

Status Transaction::Commit() {
  MUSTER_TRY(connection_->RunKept(connection_->commit_, "COMMIT"));
  connection_ = nullptr;
  return {};
}

}  // namespace muster::storage
