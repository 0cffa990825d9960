#include "storage/sqlite/log_vfs.h"

#include <sqlite3.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <new>
#include <vector>

#include "base/check.h"

namespace muster::storage {
namespace {

// A commit of more goes to the file in several pieces. The default VFS takes less than 128 KiB in
// one write: of more it uses the low bits of the size only.
constexpr std::size_t kGatherMaxBytes = std::size_t{120} << 10;
// More than lies in the log before an idle moment's checkpoint lets it start over.
constexpr sqlite3_int64 kFirstBytes = sqlite3_int64{8} << 20;

sqlite3_vfs* Default() {
  static sqlite3_vfs* const kVfs = sqlite3_vfs_find(nullptr);
  return kVfs;
}

// The log: `base` lies behind it, in the memory SQLite gave for both.
struct LogFile {
  sqlite3_file file;  // first: what SQLite sees
  std::unique_ptr<std::byte[]> gathered;
  std::size_t size = 0;
  sqlite3_int64 offset = 0;  // of the first gathered byte
};

constexpr std::size_t kBaseOffset =
    (sizeof(LogFile) + alignof(std::max_align_t) - 1) & ~(alignof(std::max_align_t) - 1);

LogFile& Log(sqlite3_file* file) { return *reinterpret_cast<LogFile*>(file); }

sqlite3_file* Base(sqlite3_file* file) {
  return reinterpret_cast<sqlite3_file*>(reinterpret_cast<std::byte*>(file) + kBaseOffset);
}

// What was gathered is dropped on an error, too: SQLite fails the commit, and with it we end.
int Flush(sqlite3_file* file) {
  LogFile& log = Log(file);
  if (log.size == 0) return SQLITE_OK;
  const auto size = static_cast<int>(log.size);
  log.size = 0;
  return Base(file)->pMethods->xWrite(Base(file), log.gathered.get(), size, log.offset);
}

int Close(sqlite3_file* file) {
  const int flushed = Flush(file);
  const int closed = Base(file)->pMethods->xClose(Base(file));
  Log(file).~LogFile();
  return flushed != SQLITE_OK ? flushed : closed;
}

int Read(sqlite3_file* file, void* to, int size, sqlite3_int64 offset) {
  const int flushed = Flush(file);
  if (flushed != SQLITE_OK) return flushed;
  return Base(file)->pMethods->xRead(Base(file), to, size, offset);
}

int Write(sqlite3_file* file, const void* from, int size, sqlite3_int64 offset) {
  LogFile& log = Log(file);
  const auto bytes = static_cast<std::size_t>(size);
  const bool continues = log.offset + static_cast<sqlite3_int64>(log.size) == offset;
  if (!continues || log.size + bytes > kGatherMaxBytes) {
    const int flushed = Flush(file);
    if (flushed != SQLITE_OK) return flushed;
    log.offset = offset;
  }
  if (bytes > kGatherMaxBytes) {
    return Base(file)->pMethods->xWrite(Base(file), from, size, offset);
  }
  std::memcpy(log.gathered.get() + log.size, from, bytes);
  log.size += bytes;
  return SQLITE_OK;
}

int Truncate(sqlite3_file* file, sqlite3_int64 size) {
  const int flushed = Flush(file);
  if (flushed != SQLITE_OK) return flushed;
  return Base(file)->pMethods->xTruncate(Base(file), size);
}

int Sync(sqlite3_file* file, int flags) {
  const int flushed = Flush(file);
  if (flushed != SQLITE_OK) return flushed;
  return Base(file)->pMethods->xSync(Base(file), flags);
}

int FileSize(sqlite3_file* file, sqlite3_int64* size) {
  const int flushed = Flush(file);
  if (flushed != SQLITE_OK) return flushed;
  return Base(file)->pMethods->xFileSize(Base(file), size);
}

// SQLite never locks a log.
int Lock(sqlite3_file* file, int level) { return Base(file)->pMethods->xLock(Base(file), level); }
int Unlock(sqlite3_file* file, int level) {
  return Base(file)->pMethods->xUnlock(Base(file), level);
}
int CheckReservedLock(sqlite3_file* file, int* held) {
  return Base(file)->pMethods->xCheckReservedLock(Base(file), held);
}

int FileControl(sqlite3_file* file, int operation, void* argument) {
  const int flushed = Flush(file);
  if (flushed != SQLITE_OK) return flushed;
  return Base(file)->pMethods->xFileControl(Base(file), operation, argument);
}

int SectorSize(sqlite3_file* file) { return Base(file)->pMethods->xSectorSize(Base(file)); }
int Characteristics(sqlite3_file* file) {
  return Base(file)->pMethods->xDeviceCharacteristics(Base(file));
}

constexpr sqlite3_io_methods kLogMethods = {.iVersion = 1,
                                            .xClose = Close,
                                            .xRead = Read,
                                            .xWrite = Write,
                                            .xTruncate = Truncate,
                                            .xSync = Sync,
                                            .xFileSize = FileSize,
                                            .xLock = Lock,
                                            .xUnlock = Unlock,
                                            .xCheckReservedLock = CheckReservedLock,
                                            .xFileControl = FileControl,
                                            .xSectorSize = SectorSize,
                                            .xDeviceCharacteristics = Characteristics,
                                            .xShmMap = nullptr,
                                            .xShmLock = nullptr,
                                            .xShmBarrier = nullptr,
                                            .xShmUnmap = nullptr,
                                            .xFetch = nullptr,
                                            .xUnfetch = nullptr};

// Zeros are no frames to SQLite. Without room, the log grows with each commit as it always could.
void Extend(sqlite3_file* base) {
  sqlite3_int64 size = 0;
  if (base->pMethods->xFileSize(base, &size) != SQLITE_OK || size >= kFirstBytes) return;
  const std::vector<std::byte> zeros(kGatherMaxBytes);
  while (size < kFirstBytes) {
    const auto part = std::min<sqlite3_int64>(kGatherMaxBytes, kFirstBytes - size);
    if (base->pMethods->xWrite(base, zeros.data(), static_cast<int>(part), size) != SQLITE_OK) {
      return;
    }
    size += part;
  }
  base->pMethods->xSync(base, SQLITE_SYNC_NORMAL);
}

int Open(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  if ((flags & SQLITE_OPEN_WAL) == 0)
    return Default()->xOpen(Default(), name, file, flags, out_flags);
  const int opened = Default()->xOpen(Default(), name, Base(file), flags, out_flags);
  if (opened != SQLITE_OK) {
    file->pMethods = nullptr;
    return opened;
  }
  if ((flags & SQLITE_OPEN_READWRITE) != 0) Extend(Base(file));
  auto* log = new (file) LogFile{};
  log->gathered = std::make_unique<std::byte[]>(kGatherMaxBytes);
  log->file.pMethods = &kLogMethods;
  return SQLITE_OK;
}

sqlite3_vfs* Register() {
  MUSTER_CHECK(Default() != nullptr, "SQLite has no VFS");
  static sqlite3_vfs vfs = *Default();
  vfs.szOsFile = static_cast<int>(kBaseOffset) + Default()->szOsFile;
  vfs.pNext = nullptr;
  vfs.zName = "muster-log";
  vfs.xOpen = Open;
  MUSTER_CHECK(sqlite3_vfs_register(&vfs, 0) == SQLITE_OK);
  return &vfs;
}

}  // namespace

const char* LogVfs() {
  static const sqlite3_vfs* const kVfs = Register();
  return kVfs->zName;
}

}  // namespace muster::storage
