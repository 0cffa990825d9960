#include "storage/sqlite/database.h"

#include <malloc.h>

#include <utility>

#include "base/check.h"
#include "storage/files/posix.h"
#include "storage/sqlite/connection.h"
#include "storage/sqlite/fsck.h"
#include "storage/sqlite/history.h"
#include "storage/sqlite/inspect.h"
#include "storage/sqlite/load.h"
#include "storage/sqlite/open.h"
#include "storage/sqlite/state_lock.h"
#include "storage/sqlite/writer.h"

namespace muster::storage {
namespace {

class SqliteDatabase final : public Database {
 public:
  SqliteDatabase(StateLock lock, std::string path, Connection connection)
      : lock_(std::move(lock)), path_(std::move(path)), connection_(std::move(connection)) {}
  ~SqliteDatabase() override { StopWriter(); }

  Result<scheduler::State> Load() override {
    Result<scheduler::State> state = LoadState(connection_);
    // The pages that were read will not be wanted again: the state holds what they said.
    sqlite3_db_release_memory(connection_.raw());
    ::malloc_trim(0);
    return state;
  }

  Store& StartWriter(PostToCore post) override {
    MUSTER_CHECK(writer_ == nullptr, "the writer was started twice");
    Result<std::unique_ptr<Writer>> writer = Writer::Start(connection_, std::move(post));
    MUSTER_CHECK(writer.has_value(), writer.error().message);
    writer_ = std::move(*writer);
    return *writer_;
  }

  void StopWriter() override {
    if (writer_ != nullptr) writer_->Stop();
    writer_.reset();
  }

  Result<std::unique_ptr<History>> OpenHistory() override { return OpenSqliteHistory(path_); }

  Result<std::vector<std::string>> Fsck() override {
    MUSTER_ASSIGN(Connection connection, Connection::Open(path_, Connection::Mode::kReadOnly));
    return CompareEventsWithRows(connection);
  }

 private:
  StateLock lock_;
  std::string path_;
  Connection connection_;
  std::unique_ptr<Writer> writer_;  // uses connection_
};

}  // namespace

Result<std::unique_ptr<Database>> Database::Open(const std::string& state_directory) {
  MUSTER_TRY(MakeDirectories(state_directory));
  MUSTER_ASSIGN(StateLock lock, StateLock::Take(state_directory));
  const std::string path = state_directory + "/state.db";
  Result<Connection> connection =
      OpenForWriting(state_directory, path, StateSchema(), Connection::Mode::kReadWrite);
  if (!connection) return Fail(WithRestoreHint(connection.error()));
  return std::make_unique<SqliteDatabase>(std::move(lock), path, std::move(*connection));
}

}  // namespace muster::storage
