#include "storage/sqlite/open.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <optional>
#include <utility>

#include "base/log.h"
#include "storage/files/posix.h"
#include "storage/sqlite/inspect.h"
#include "storage/sqlite/space.h"

namespace muster::storage {
namespace {

bool Exists(const std::string& path) {
  struct stat info {};
  return ::lstat(path.c_str(), &info) == 0;
}

// The database appears whole: made under another name, then renamed. So an empty one, or a log
// without one, is damage and never a first start.
Status Create(const std::string& directory, const std::string& path, const Schema& schema) {
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
    MUSTER_TRY(connection.Execute(
        ("PRAGMA application_id = " + std::to_string(schema.application_id)).c_str()));
    MUSTER_TRY(Migrate(connection, schema));
  }
  MUSTER_TRY(Sync(file.get(), fresh));
  if (std::rename(fresh.c_str(), path.c_str()) != 0) {
    return Fail(IoError(errno, "can't rename " + fresh));
  }
  MUSTER_TRY(SyncDirectory(directory));
  Log(LogLevel::kInfo, "database_created", {{"path", path}});
  return {};
}

Result<Connection> OpenChecked(const std::string& directory, const std::string& path,
                               const Schema& schema, Connection::Mode mode) {
  MUSTER_TRY(ProbeSpace(directory, kBootSpaceBytes));
  if (!Exists(path)) MUSTER_TRY(Create(directory, path, schema));
  MUSTER_TRY(CheckFile(path, schema));
  if (::chmod(path.c_str(), 0600) != 0) return Fail(IoError(errno, "can't chmod " + path));
  MUSTER_ASSIGN(Connection connection, Connection::Open(path, mode));
  // secure_delete (on in Debian) would write every freed page once more. The log is checkpointed by
  // the writer; a large one is cut back once it has been.
  MUSTER_TRY(connection.Execute(
      "PRAGMA synchronous = FULL; PRAGMA secure_delete = OFF; PRAGMA cache_size = -65536;"
      "PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = 67108864"));
  MUSTER_TRY(CheckPages(connection, path, kQuickCheckMaxBytes, schema));
  MUSTER_ASSIGN(const std::string journal, connection.QueryText("PRAGMA journal_mode = WAL"));
  if (journal != "wal") {
    return Fail(ErrorCode::kInternal, ErrorReason::kIo,
                "the state directory's file system can't hold a write-ahead log: " + directory);
  }
  MUSTER_TRY(Migrate(connection, schema));
  return connection;
}

}  // namespace

Result<Connection> OpenForWriting(const std::string& directory, const std::string& path,
                                  const Schema& schema, Connection::Mode mode) {
  std::optional<Connection> connection;
  MUSTER_TRY(RetryWhileFull(
      directory,
      [&]() -> Status {
        MUSTER_ASSIGN(connection, OpenChecked(directory, path, schema, mode));
        return {};
      },
      Pause));
  return std::move(*connection);
}

}  // namespace muster::storage
