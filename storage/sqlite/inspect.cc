#include "storage/sqlite/inspect.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <set>

#include "storage/files/posix.h"

namespace muster::storage {
namespace {

constexpr std::size_t kHeaderBytes = 100;
constexpr std::string_view kMagic{"SQLite format 3\0", 16};

Error Damaged(const std::string& path, std::string_view check, std::string_view found) {
  return WithRestoreHint(Error{
      ErrorCode::kDataLoss, ErrorReason::kCorruptState,
      path + " is damaged: the check of " + std::string(check) + " failed: " + std::string(found)});
}

std::uint32_t BigEndian(std::string_view bytes, std::size_t offset) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    value = (value << 8) | static_cast<std::uint8_t>(bytes[offset + i]);
  }
  return value;
}

std::uint64_t FileSize(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 ? static_cast<std::uint64_t>(info.st_size) : 0;
}

// Pages after `present_pages` that committed frames of the write-ahead log hold. Frames of the
// present generation carry the header's salts; recovery has validated their checksums already.
Result<std::set<std::uint32_t>> PagesInLog(const std::string& path, std::uint64_t present_pages,
                                           std::uint64_t page_bytes) {
  constexpr std::size_t kLogHeader = 32;
  constexpr std::size_t kFrameHeader = 24;
  std::set<std::uint32_t> pages;
  const Fd log(::open((path + "-wal").c_str(), O_RDONLY | O_CLOEXEC));
  if (!log.valid()) return pages;
  MUSTER_ASSIGN(const std::string header, ReadAt(log.get(), 0, kLogHeader));
  if (header.size() < kLogHeader) return pages;
  const std::string_view salts = std::string_view(header).substr(16, 8);
  for (std::uint64_t offset = kLogHeader;; offset += kFrameHeader + page_bytes) {
    MUSTER_ASSIGN(const std::string frame, ReadAt(log.get(), offset, kFrameHeader));
    if (frame.size() < kFrameHeader || frame.substr(8, 8) != salts) return pages;
    const std::uint32_t page = BigEndian(frame, 0);
    if (page > present_pages) pages.insert(page);
  }
}

// What the header says, when there is no log that could hold the rest: SQLite would refuse such a
// file too, but not say why.
Status CheckHeaderSize(const std::string& path, std::string_view header) {
  const bool header_counts = BigEndian(header, 24) == BigEndian(header, 92);
  if (!header_counts || FileSize(path + "-wal") > 0) return {};
  const std::uint64_t stored = (BigEndian(header, 16) >> 16) & 0xffff;
  const std::uint64_t page_bytes = stored == 1 ? 65'536 : stored;
  const std::uint64_t needed = BigEndian(header, 28) * page_bytes;
  const std::uint64_t size = FileSize(path);
  if (size >= needed) return {};
  return Fail(Damaged(
      path, "the file's size (truncation)",
      "its header says " + std::to_string(needed) + " bytes, it has " + std::to_string(size)));
}

Status CheckTruncation(Connection& connection, const std::string& path) {
  MUSTER_ASSIGN(const std::int64_t page_count, connection.QueryInteger("PRAGMA page_count"));
  MUSTER_ASSIGN(const std::int64_t page_bytes, connection.QueryInteger("PRAGMA page_size"));
  const std::uint64_t size = FileSize(path);
  const auto needed = static_cast<std::uint64_t>(page_count);
  const std::uint64_t present = size / static_cast<std::uint64_t>(page_bytes);
  if (present >= needed) return {};
  MUSTER_ASSIGN(const std::set<std::uint32_t> logged,
                PagesInLog(path, present, static_cast<std::uint64_t>(page_bytes)));
  for (std::uint64_t page = present + 1; page <= needed; ++page) {
    // SQLite never writes the page with the lock bytes.
    if (page == (1ULL << 30) / static_cast<std::uint64_t>(page_bytes) + 1) continue;
    if (logged.contains(static_cast<std::uint32_t>(page))) continue;
    return Fail(Damaged(path, "the file's size (truncation)",
                        "it should have " + std::to_string(needed) + " pages of " +
                            std::to_string(page_bytes) + " bytes, it has " + std::to_string(size) +
                            " bytes, and page " + std::to_string(page) +
                            " is not in the write-ahead log either"));
  }
  return {};
}

}  // namespace

Error WithRestoreHint(Error error) {
  if (error.reason != ErrorReason::kCorruptState) return error;
  if (error.message.find("the state database failed") == 0) {
    error.message = "the state database is damaged: " + error.message;
  }
  if (error.message.find("docs/operations.md") == std::string::npos) {
    error.message +=
        ". Nothing was changed. Restore the last backup: "
        "docs/operations.md#restore-the-state-database";
  }
  return error;
}

Status CheckFile(const std::string& path, const Schema& schema) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return Fail(IoError(errno, "can't open " + path));
  MUSTER_ASSIGN(const std::string header, ReadAt(file.get(), 0, kHeaderBytes));
  if (header.size() < kHeaderBytes) {
    return Fail(Damaged(path, "the header (truncation)",
                        "the file has only " + std::to_string(header.size()) + " bytes"));
  }
  if (std::string_view(header).substr(0, kMagic.size()) != kMagic) {
    return Fail(Damaged(path, "the header's magic", "it is not an SQLite database"));
  }
  if (const std::uint32_t id = BigEndian(header, 68); id != schema.application_id) {
    return Fail(Damaged(path, "the application id",
                        "it is " + std::to_string(id) + ", a database of another program"));
  }
  return CheckHeaderSize(path, header);
}

Status CheckPages(Connection& connection, const std::string& path,
                  std::uint64_t quick_check_max_bytes, const Schema& schema) {
  MUSTER_ASSIGN(const std::int64_t version, connection.QueryInteger("PRAGMA user_version"));
  MUSTER_TRY(CheckSchemaVersion(version, schema));
  if (version < 1) {
    return Fail(Damaged(path, "the schema version", "it is " + std::to_string(version)));
  }
  MUSTER_TRY(CheckTruncation(connection, path));
  MUSTER_ASSIGN(const std::int64_t tables,
                connection.QueryInteger("SELECT count(*) FROM sqlite_schema WHERE type = 'table'"));
  if (tables == 0) return Fail(Damaged(path, "the schema", "there are no tables"));
  if (FileSize(path) > quick_check_max_bytes) return {};
  MUSTER_ASSIGN(const std::string found, connection.QueryText("PRAGMA quick_check(1)"));
  if (found != "ok") return Fail(Damaged(path, "the pages (quick_check)", found));
  return {};
}

}  // namespace muster::storage
