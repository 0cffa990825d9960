#include "agent/staging/unpack.h"

#include <archive.h>
#include <archive_entry.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "agent/staging/tree_writer.h"

namespace muster::agent {
namespace {

constexpr std::size_t kBlockBytes = 128U << 10;

struct FreeArchive {
  void operator()(archive* reader) const { archive_read_free(reader); }
};
using Archive = std::unique_ptr<archive, FreeArchive>;

tl::unexpected<Error> Refuse(const std::string& name, const std::string& why) {
  return Fail(ErrorCode::kInvalidArgument, ErrorReason::kUnsafePath,
              "the snapshot's entry \"" + name.substr(0, 300) + "\" " + why);
}

tl::unexpected<Error> Unreadable(archive* reader) {
  const char* why = archive_error_string(reader);
  return Fail(ErrorCode::kDataLoss, ErrorReason::kStaging,
              std::string("the snapshot is not a readable tar archive: ") +
                  (why == nullptr ? "unknown fault" : why));
}

std::string Text(const char* utf8, const char* raw) {
  return utf8 != nullptr ? utf8 : raw != nullptr ? raw : "";
}

class Unpacker {
 public:
  Unpacker(archive* reader, TreeWriter tree, const UnpackLimits& limits)
      : reader_(reader), tree_(std::move(tree)), limits_(limits) {}

  Result<UnpackedCounts> Run() {
    for (;;) {
      archive_entry* entry = nullptr;
      const int result = archive_read_next_header(reader_, &entry);
      if (result == ARCHIVE_EOF) return counts_;
      if (result != ARCHIVE_OK && result != ARCHIVE_WARN) return Unreadable(reader_);
      MUSTER_TRY(Add(entry));
    }
  }

 private:
  Status Add(archive_entry* entry) {
    const std::string name =
        Text(archive_entry_pathname_utf8(entry), archive_entry_pathname(entry));
    if (++counts_.entries > limits_.max_entries)
      return Fail(ErrorCode::kResourceExhausted, ErrorReason::kTooMany,
                  "the snapshot has more than " + std::to_string(limits_.max_entries) + " entries");
    const mode_t mode = archive_entry_perm(entry);
    if ((mode & (S_ISUID | S_ISGID | S_ISVTX)) != 0)
      return Refuse(name, "has the set-user, set-group or sticky bit");
    if (archive_entry_hardlink(entry) != nullptr || archive_entry_hardlink_utf8(entry) != nullptr)
      return tree_.MakeHardLink(
          name, Text(archive_entry_hardlink_utf8(entry), archive_entry_hardlink(entry)));
    switch (archive_entry_filetype(entry)) {
      case AE_IFDIR:
        return tree_.MakeDirectory(name, mode & 0777);
      case AE_IFREG:
        return AddFile(entry, name, mode & 0777);
      case AE_IFLNK:
        return tree_.MakeSymlink(
            name, Text(archive_entry_symlink_utf8(entry), archive_entry_symlink(entry)));
      case AE_IFBLK:
      case AE_IFCHR:
        return Refuse(name, "is a device");
      case AE_IFIFO:
        return Refuse(name, "is a named pipe");
      case AE_IFSOCK:
        return Refuse(name, "is a socket");
      default:  // a type of libarchive's, not of ours
        return Refuse(name, "is of an unknown kind");
    }
  }

  Status CheckBytes(std::uint64_t more) const {
    if (more <= limits_.max_bytes && counts_.bytes <= limits_.max_bytes - more) return {};
    return Fail(
        ErrorCode::kResourceExhausted, ErrorReason::kTooLarge,
        "the snapshot unpacks to more than " + std::to_string(limits_.max_bytes) + " bytes");
  }

  Status AddFile(archive_entry* entry, const std::string& name, mode_t mode) {
    const la_int64_t announced = archive_entry_size(entry);
    if (announced < 0) return Refuse(name, "has a negative size");
    const auto size = static_cast<std::uint64_t>(announced);
    MUSTER_TRY(CheckBytes(size));
    MUSTER_ASSIGN(const UniqueFd file, tree_.MakeFile(name, mode));
    MUSTER_TRY(CopyBlocks(file.get(), name, size));
    if (::ftruncate(file.get(), static_cast<off_t>(size)) != 0) return WriteFailed(name);
    counts_.bytes += size;
    return {};
  }

  // Blocks come in order, with gaps where a file has holes.
  Status CopyBlocks(int file, const std::string& name, std::uint64_t size) {
    for (;;) {
      const void* block = nullptr;
      std::size_t length = 0;
      la_int64_t offset = 0;
      const int result = archive_read_data_block(reader_, &block, &length, &offset);
      if (result == ARCHIVE_EOF) return {};
      if (result != ARCHIVE_OK) return Unreadable(reader_);
      const auto begin = static_cast<std::uint64_t>(offset);
      if (offset < 0 || begin > size || length > size - begin)
        return Refuse(name, "holds more than its announced size");
      MUSTER_TRY(WriteAt(file, name, static_cast<const char*>(block), length, offset));
    }
  }

  static Status WriteAt(int file, const std::string& name, const char* data, std::size_t length,
                        la_int64_t offset) {
    while (length > 0) {
      const ssize_t put = ::pwrite(file, data, length, offset);
      if (put < 0 && errno == EINTR) continue;
      if (put <= 0) return WriteFailed(name);
      data += put;
      length -= static_cast<std::size_t>(put);
      offset += put;
    }
    return {};
  }

  static tl::unexpected<Error> WriteFailed(const std::string& name) {
    const bool full = errno == ENOSPC || errno == EDQUOT;
    return Fail(full ? ErrorCode::kResourceExhausted : ErrorCode::kInternal,
                full ? ErrorReason::kDiskReserve : ErrorReason::kStaging,
                "cannot write \"" + name.substr(0, 300) + "\": " + std::strerror(errno));
  }

  archive* reader_;
  TreeWriter tree_;
  UnpackLimits limits_;
  UnpackedCounts counts_;
};

}  // namespace

Result<UnpackedCounts> UnpackSnapshot(const std::string& archive_path, UniqueFd directory,
                                      const std::optional<Credentials>& owner,
                                      const UnpackLimits& limits) {
  const Archive reader(archive_read_new());
  if (!reader)
    return Fail(ErrorCode::kResourceExhausted, ErrorReason::kStaging, "no memory for an archive");
  archive_read_support_format_tar(reader.get());
  archive_read_support_format_empty(reader.get());
  archive_read_support_filter_gzip(reader.get());
  archive_read_support_filter_zstd(reader.get());
  if (archive_read_open_filename(reader.get(), archive_path.c_str(), kBlockBytes) != ARCHIVE_OK)
    return Unreadable(reader.get());
  return Unpacker(reader.get(), TreeWriter(std::move(directory), owner), limits).Run();
}

}  // namespace muster::agent
