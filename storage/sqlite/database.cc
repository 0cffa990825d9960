#include "storage/sqlite/database.h"

#include <fcntl.h>
#include <malloc.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <utility>

#include "base/check.h"
#include "base/log.h"
#include "storage/files/posix.h"
#include "storage/sqlite/connection.h"
#include "storage/sqlite/fsck.h"
#include "storage/sqlite/history.h"
#include "storage/sqlite/inspect.h"
#include "storage/sqlite/load.h"
#include "storage/sqlite/schema.h"
#include "storage/sqlite/space.h"
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

bool Exists(const std::string& path) {
  struct stat info {};
  return ::lstat(path.c_str(), &info) == 0;
}

// The database appears whole: made under another name, then renamed. So an empty state.db, or a log
// without one, is damage and never a first start.
Status CreateDatabase(const std::string& directory, const std::string& path) {
  if (Exists(path + "-wal")) {
    return Fail(WithRestoreHint(Error{ErrorCode::kDataLoss, ErrorReason::kCorruptState,
                                      path + " is missing, but its write-ahead log is there"}));
  }
  const std::string fresh = path + ".new";
  for (const char* suffix : {"", "-journal", "-wal", "-shm"}) {
    if (::unlink((fresh + suffix).c_str()) != 0 && errno != ENOENT) {
      return Fail(IoError(errno, "can't remove " + fresh + suffix));
    }
  }
  // SQLite gives its other files the mode of this one.
  const Fd file(::open(fresh.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file.valid()) return Fail(IoError(errno, "can't create " + fresh));
  {
    MUSTER_ASSIGN(Connection connection, Connection::Open(fresh, Connection::Mode::kReadWrite));
    MUSTER_TRY(
        connection.Execute(("PRAGMA application_id = " + std::to_string(kApplicationId)).c_str()));
    MUSTER_TRY(Migrate(connection));
  }
  MUSTER_TRY(Sync(file.get(), fresh));
  if (std::rename(fresh.c_str(), path.c_str()) != 0) {
    return Fail(IoError(errno, "can't rename " + fresh));
  }
  MUSTER_TRY(SyncDirectory(directory));
  Log(LogLevel::kInfo, "state_database_created", {{"path", path}});
  return {};
}

Result<Connection> OpenChecked(const std::string& directory, const std::string& path) {
  MUSTER_TRY(ProbeSpace(directory, kBootSpaceBytes));
  if (!Exists(path)) MUSTER_TRY(CreateDatabase(directory, path));
  MUSTER_TRY(CheckFile(path));
  if (::chmod(path.c_str(), 0600) != 0) return Fail(IoError(errno, "can't chmod " + path));
  MUSTER_ASSIGN(Connection connection, Connection::Open(path, Connection::Mode::kReadWrite));
  // secure_delete (on in Debian) would write every freed page once more. The log is checkpointed by
  // the writer; a large one is cut back once it has been.
  MUSTER_TRY(connection.Execute(
      "PRAGMA synchronous = FULL; PRAGMA secure_delete = OFF; PRAGMA cache_size = -65536;"
      "PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = 67108864"));
  MUSTER_TRY(CheckPages(connection, path));
  MUSTER_ASSIGN(const std::string mode, connection.QueryText("PRAGMA journal_mode = WAL"));
  if (mode != "wal") {
    return Fail(ErrorCode::kInternal, ErrorReason::kIo,
                "the state directory's file system can't hold a write-ahead log: " + directory);
  }
  MUSTER_TRY(Migrate(connection));
  return connection;
}

}  // namespace

Result<std::unique_ptr<Database>> Database::Open(const std::string& state_directory) {
  MUSTER_TRY(MakeDirectories(state_directory));
  MUSTER_ASSIGN(StateLock lock, StateLock::Take(state_directory));
  const std::string path = state_directory + "/state.db";
  std::optional<Connection> connection;
  const Status opened = RetryWhileFull(
      state_directory,
      [&]() -> Status {
        MUSTER_ASSIGN(connection, OpenChecked(state_directory, path));
        return {};
      },
      Pause);
  if (!opened) return Fail(WithRestoreHint(opened.error()));
  return std::make_unique<SqliteDatabase>(std::move(lock), path, std::move(*connection));
}

}  // namespace muster::storage
