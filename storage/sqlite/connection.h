// RAII over the SQLite C interface. A Connection and its statements belong to one thread at a time.
// Errors: DATA_LOSS (kCorruptState) for a damaged file, RESOURCE_EXHAUSTED for a full disk,
// INTERNAL (kIo) for the rest.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"

namespace muster::storage {

class Statement {
 public:
  // Parameters count from 1. Text and blobs are not copied: they must live until Reset.
  Statement& Bind(int index, std::int64_t value);
  Statement& Bind(int index, std::uint64_t value);
  Statement& BindText(int index, std::string_view text);
  Statement& BindBlob(int index, std::string_view bytes);
  Statement& BindNull(int index);

  // True: a row is there. Resets by itself when there is none, or on an error.
  Result<bool> Step();
  // Steps a statement that gives no rows, and resets it.
  Status Run();
  void Reset();

  // Columns count from 0. Views are valid until the next Step.
  std::int64_t Integer(int column) const;
  std::uint64_t Unsigned(int column) const { return static_cast<std::uint64_t>(Integer(column)); }
  std::string_view Text(int column) const { return Bytes(column); }
  std::string_view Bytes(int column) const;
  bool IsNull(int column) const;

 private:
  friend class Connection;
  struct Finalizer {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}

  std::unique_ptr<sqlite3_stmt, Finalizer> statement_;
};

class Connection {
 public:
  // kReadWrite: the write-ahead log goes to the file in few calls and has a first size (log_vfs.h),
  // for commits that somebody waits for. kPlainReadWrite leaves it to SQLite.
  enum class Mode { kReadOnly, kReadWrite, kPlainReadWrite, kCreate };
  static Result<Connection> Open(const std::string& path, Mode mode);

  // One or more statements without parameters; rows are dropped.
  Status Execute(const char* sql);
  Result<Statement> Prepare(std::string_view sql);
  // First column of the first row; DATA_LOSS if there is none.
  Result<std::int64_t> QueryInteger(std::string_view sql);
  Result<std::string> QueryText(std::string_view sql);

  sqlite3* raw() const { return database_.get(); }

 private:
  friend class Transaction;
  struct Closer {
    void operator()(sqlite3* database) const { sqlite3_close_v2(database); }
  };
  explicit Connection(sqlite3* database) : database_(database) {}

  // Runs a statement without parameters or rows that is kept, prepared, in `kept`.
  Status RunKept(std::optional<Statement>& kept, std::string_view sql);

  std::unique_ptr<sqlite3, Closer> database_;
  std::optional<Statement> begin_read_, begin_write_, commit_;
};

// Rolls back unless committed.
class Transaction {
 public:
  enum class Kind { kRead, kWrite };
  static Result<Transaction> Begin(Connection& connection, Kind kind);
  Transaction(Transaction&& other) noexcept
      : connection_(std::exchange(other.connection_, nullptr)) {}
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();

  Status Commit();

 private:
  explicit Transaction(Connection& connection) : connection_(&connection) {}
  Connection* connection_;
};

// The present error of `database`, after `doing` failed.
Error SqliteError(sqlite3* database, std::string_view doing);

}  // namespace muster::storage
