#include "cli/pack.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include "cli/outcome.h"
#include "cli/source_tree.h"
#include "cli/table.h"

namespace muster::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kReadBytes = 256 * 1024;

std::string Reason(int error) { return std::error_code(error, std::generic_category()).message(); }

Result<OwnedFd> OpenTemporaryFile() {
  const char* const variable = std::getenv("TMPDIR");
  const std::string directory = variable != nullptr && *variable != '\0' ? variable : "/var/tmp";
  OwnedFd fd(open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (fd) return fd;
  // Not every file system knows O_TMPFILE.
  std::string name = directory + "/muster-XXXXXX";
  fd = OwnedFd(mkostemp(name.data(), O_CLOEXEC));
  if (!fd) {
    return Fail(UsageError("cannot make a temporary file in " + directory + ": " + Reason(errno) +
                           "; set TMPDIR to a directory with room for the packed source"));
  }
  unlink(name.c_str());
  return fd;
}

// Where the archive's bytes go.
struct Sink {
  int fd;
  Hasher hasher = {};
  std::uint64_t size = 0;
};

la_ssize_t WriteSink(archive* writer, void* data, const void* buffer, std::size_t length) {
  Sink& sink = *static_cast<Sink*>(data);
  const char* const bytes = static_cast<const char*>(buffer);
  for (std::size_t done = 0; done < length;) {
    const ssize_t count = write(sink.fd, bytes + done, length - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      archive_set_error(writer, errno, "the temporary file cannot be written: %s",
                        Reason(errno).c_str());
      return -1;
    }
    done += static_cast<std::size_t>(count);
  }
  sink.hasher.Update({bytes, length});
  sink.size += length;
  return static_cast<la_ssize_t>(length);
}

struct FreeWriter {
  void operator()(archive* writer) const { archive_write_free(writer); }
};
struct FreeEntry {
  void operator()(archive_entry* entry) const { archive_entry_free(entry); }
};
using Writer = std::unique_ptr<archive, FreeWriter>;

Error WriterError(archive* writer) {
  const char* const text = archive_error_string(writer);
  return UsageError(std::string("packing failed: ") + (text == nullptr ? "unknown error" : text));
}

Status WriteHeader(archive* writer, const SourceEntry& source) {
  const std::unique_ptr<archive_entry, FreeEntry> entry(archive_entry_new());
  archive_entry_set_pathname(entry.get(), source.path.c_str());
  switch (source.kind) {
    case EntryKind::kDirectory:
      archive_entry_set_filetype(entry.get(), AE_IFDIR);
      break;
    case EntryKind::kFile:
      archive_entry_set_filetype(entry.get(), AE_IFREG);
      break;
    case EntryKind::kLink:
      archive_entry_set_filetype(entry.get(), AE_IFLNK);
      archive_entry_set_symlink(entry.get(), source.link_target.c_str());
      break;
  }
  archive_entry_set_perm(entry.get(), source.mode);
  archive_entry_set_size(entry.get(), static_cast<la_int64_t>(source.size));
  archive_entry_set_mtime(entry.get(), 0, 0);
  archive_entry_set_uid(entry.get(), 0);
  archive_entry_set_gid(entry.get(), 0);
  if (archive_write_header(writer, entry.get()) < ARCHIVE_WARN) return Fail(WriterError(writer));
  return {};
}

Error Changed(const SourceEntry& source) {
  return UsageError("the file " + Printable(source.path) +
                    " of the source directory changed while it was packed; try again");
}

Status WriteContent(archive* writer, const fs::path& root, const SourceEntry& source) {
  const OwnedFd fd(open((root / source.path).c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) {
    return Fail(UsageError("the file " + Printable(source.path) +
                           " of the source directory cannot be read: " + Reason(errno)));
  }
  static thread_local std::array<char, kReadBytes> buffer;
  std::uint64_t done = 0;
  while (true) {
    const ssize_t count = read(fd.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      return Fail(
          UsageError("the file " + Printable(source.path) + " cannot be read: " + Reason(errno)));
    }
    if (count == 0) break;
    done += static_cast<std::uint64_t>(count);
    if (done > source.size) return Fail(Changed(source));
    if (archive_write_data(writer, buffer.data(), static_cast<std::size_t>(count)) < 0) {
      return Fail(WriterError(writer));
    }
  }
  if (done != source.size) return Fail(Changed(source));
  return {};
}

}  // namespace

Result<PackedDirectory> PackDirectory(const fs::path& directory, const std::string& script) {
  MUSTER_ASSIGN(const IgnoreRules rules, ReadIgnoreRules(directory));
  MUSTER_ASSIGN(const std::vector<SourceEntry> entries, ListSourceTree(directory, rules));
  const auto is_script = [&](const SourceEntry& entry) { return entry.path == script; };
  if (!script.empty() && std::none_of(entries.begin(), entries.end(), is_script)) {
    return Fail(UsageError("the entry script " + Printable(script) +
                           " would not reach the nodes: " + rules.source() +
                           " of the source directory excludes it"));
  }
  PackedDirectory packed;
  MUSTER_ASSIGN(packed.file, OpenTemporaryFile());
  Sink sink{packed.file.get()};
  const Writer writer(archive_write_new());
  // Restricted: plain ustar headers wherever they suffice. Names are bytes, whatever the locale.
  if (archive_write_set_format_pax_restricted(writer.get()) != ARCHIVE_OK ||
      archive_write_set_options(writer.get(), "hdrcharset=BINARY") != ARCHIVE_OK ||
      archive_write_open(writer.get(), &sink, nullptr, WriteSink, nullptr) != ARCHIVE_OK) {
    return Fail(WriterError(writer.get()));
  }
  for (const SourceEntry& entry : entries) {
    MUSTER_TRY(WriteHeader(writer.get(), entry));
    if (entry.kind == EntryKind::kFile) {
      MUSTER_TRY(WriteContent(writer.get(), directory, entry));
      ++packed.file_count;
    }
  }
  if (archive_write_close(writer.get()) != ARCHIVE_OK) return Fail(WriterError(writer.get()));
  packed.digest = sink.hasher.Finish();
  packed.size_bytes = sink.size;
  return packed;
}

}  // namespace muster::cli
