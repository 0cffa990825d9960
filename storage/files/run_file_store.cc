#include "storage/run_file_store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <mutex>
#include <set>
#include <utility>
#include <variant>

#include "storage/files/placed_file.h"
#include "storage/files/posix.h"
#include "storage/files/recent.h"
#include "storage/files/run_file_name.h"
#include "storage/files/run_file_walk.h"

namespace muster::storage {
namespace {

constexpr std::size_t kOpenFilesMax = 256;
constexpr std::size_t kMeasuredAttemptsMax = 16'384;
constexpr std::size_t kDurableDirectoriesMax = 4'096;

Error OpenError(int error_number, const std::string& path) {
  switch (error_number) {
    case ENOENT:
      return Error{ErrorCode::kNotFound, ErrorReason::kUnknownRunFile,
                   "there is no run file " + path};
    case ELOOP:
    case EXDEV:
    case ENOTDIR:
    case EISDIR:
    case ENXIO:
      return Error{
          ErrorCode::kInvalidArgument, ErrorReason::kUnsafePath,
          "the run file " + path + " is refused: a link, or no regular file, is in the way"};
    default:
      return IoError(error_number, "can't open the run file " + path);
  }
}

Status CheckRegular(int fd, const std::string& path) {
  struct stat info {};
  if (::fstat(fd, &info) != 0) return Fail(IoError(errno, "can't look at the run file " + path));
  if (!S_ISREG(info.st_mode)) return Fail(OpenError(EISDIR, path));
  return {};
}

// An open file; the first sync also syncs the directories that lead to it, as far as they are new.
struct OpenFile {
  Fd fd;
  std::string path;     // relative to the root
  bool linked = false;  // its name and those of its directories are on disk
};

class DirectoryRunFileStore final : public RunFileStore {
 public:
  DirectoryRunFileStore(std::string directory, Fd root, RunFileLimits limits)
      : limits_(limits), directory_(std::move(directory)), root_(std::move(root)) {}

  Result<std::uint64_t> Append(const WorkspaceName& workspace, const AttemptId& attempt,
                               std::string_view name, std::uint64_t offset, std::string_view data,
                               bool sync) override;
  std::vector<Result<std::uint64_t>> AppendAll(std::span<const RunFilePart> parts) override;
  Status Add(const WorkspaceName& workspace, const JobId& run, std::string_view name,
             const std::string& source) override;
  Result<std::string> Read(const WorkspaceName& workspace, const AttemptId& attempt,
                           std::string_view name, std::uint64_t offset,
                           std::size_t max_bytes) override;
  Result<std::vector<RunFileInfo>> List(const WorkspaceName& workspace, const AttemptId& attempt,
                                        std::string_view after, std::size_t max_files) override;

 private:
  struct Usage {
    std::size_t files = 0;
    std::uint64_t bytes = 0;
  };
  Result<std::shared_ptr<OpenFile>> OpenForAppend(const std::string& base, const std::string& path);
  Result<Usage*> UsageOf(const std::string& base);
  Status CountFile(const std::string& base);
  Status CountBytes(const std::string& base, std::string_view name, std::uint64_t size,
                    std::uint64_t fresh);
  void ForgetUsage(const std::string& base);
  Status MakeParents(const std::string& path);
  Result<std::uint64_t> Write(const RunFilePart& part,
                              std::set<std::shared_ptr<OpenFile>>& written);
  Status SyncAll(const std::set<std::shared_ptr<OpenFile>>& files);
  Status SyncLinks(const std::set<std::string>& paths);
  std::mutex& WriterLock(const std::string& path) {
    return writer_locks_[std::hash<std::string>{}(path) % writer_locks_.size()];
  }

  const RunFileLimits limits_;
  std::string directory_;
  Fd root_;
  // One writer of a file at a time, even if its descriptor is dropped from the cache and opened
  // anew.
  std::array<std::mutex, 64> writer_locks_;
  std::mutex mutex_;  // guards what is below; never held over I/O but the listing of one attempt
  Recent<std::string, std::shared_ptr<OpenFile>> open_files_{kOpenFilesMax};
  Recent<std::string, Usage> usages_{kMeasuredAttemptsMax};
  // Directories that are known to be found after a power cut.
  Recent<std::string, std::monostate> durable_directories_{kDurableDirectoriesMax};
};

// Where an attempt's files are, relative to the root.
Result<std::string> BaseOf(const WorkspaceName& workspace, const AttemptId& attempt) {
  MUSTER_TRY(CheckComponent(workspace.str()));
  MUSTER_TRY(CheckComponent(attempt.job.str()));
  return workspace.str() + "/" + attempt.job.str() + "/" + std::to_string(attempt.number);
}

Result<std::uint64_t> DirectoryRunFileStore::Append(const WorkspaceName& workspace,
                                                    const AttemptId& attempt, std::string_view name,
                                                    std::uint64_t offset, std::string_view data,
                                                    bool sync) {
  std::set<std::shared_ptr<OpenFile>> written;
  MUSTER_ASSIGN(const std::uint64_t size, Write({workspace, attempt, name, offset, data}, written));
  if (sync) MUSTER_TRY(SyncAll(written));
  return size;
}

std::vector<Result<std::uint64_t>> DirectoryRunFileStore::AppendAll(
    std::span<const RunFilePart> parts) {
  std::set<std::shared_ptr<OpenFile>> written;
  std::vector<Result<std::uint64_t>> sizes;
  sizes.reserve(parts.size());
  for (const RunFilePart& part : parts) sizes.push_back(Write(part, written));
  if (const Status synced = SyncAll(written); !synced) {
    for (Result<std::uint64_t>& size : sizes) size = Fail(synced.error());
  }
  return sizes;
}

Result<std::uint64_t> DirectoryRunFileStore::Write(const RunFilePart& part,
                                                   std::set<std::shared_ptr<OpenFile>>& written) {
  MUSTER_ASSIGN(const std::string base, BaseOf(part.workspace, part.attempt));
  MUSTER_TRY(CheckRunFileName(part.name));
  const std::string path = base + "/" + std::string(part.name);
  const std::lock_guard lock(WriterLock(path));
  MUSTER_ASSIGN(const std::shared_ptr<OpenFile> file, OpenForAppend(base, path));
  struct stat info {};
  if (::fstat(file->fd.get(), &info) != 0) {
    return Fail(IoError(errno, "can't look at the run file " + path));
  }
  auto size = static_cast<std::uint64_t>(info.st_size);
  if (part.offset > size) {
    return Fail(ErrorCode::kOutOfRange, ErrorReason::kUnspecified,
                "offset " + std::to_string(part.offset) + " is beyond the end of " +
                    std::string(part.name) + ", which has " + std::to_string(size) + " bytes");
  }
  if (const std::uint64_t known = size - part.offset; known < part.data.size()) {
    const std::string_view fresh = part.data.substr(known);
    MUSTER_TRY(CountBytes(base, part.name, size, fresh.size()));
    if (const Status wrote = WriteAt(file->fd.get(), size, fresh); !wrote) {
      ForgetUsage(base);
      return Fail(wrote.error());
    }
    size += fresh.size();
  }
  written.insert(file);
  return size;
}

Status DirectoryRunFileStore::Add(const WorkspaceName& workspace, const JobId& run,
                                  std::string_view name, const std::string& source) {
  MUSTER_ASSIGN(const std::string base, BaseOf(workspace, AttemptId{run, 0}));
  MUSTER_TRY(CheckRunFileName(name));
  const std::string path = base + "/" + std::string(name);
  const std::lock_guard lock(WriterLock(path));
  MUSTER_ASSIGN(const SourceFile opened, SourceFile::Open(source));
  if (const Fd present = OpenBeneath(root_.get(), path, O_RDONLY); present.valid()) {
    MUSTER_ASSIGN(const bool same, opened.HasContentOf(present.get()));
    if (same) return SyncLinks({path});
    return Fail(ErrorCode::kAlreadyExists, ErrorReason::kNameTaken,
                "the run has a file " + std::string(name) +
                    " with other content; run files do not change, so use another name");
  }
  if (errno != ENOENT) return Fail(OpenError(errno, path));
  Status placed = CountFile(base);
  if (placed) placed = CountBytes(base, name, 0, opened.size_bytes());
  if (placed) placed = MakeParents(path);
  if (placed) placed = opened.PlaceBeneath(root_.get(), path);
  if (!placed) {
    ForgetUsage(base);
    return placed;
  }
  return SyncLinks({path});
}

// The bytes of a duplicate may not be on disk yet: every file is synced, whatever was new of it.
Status DirectoryRunFileStore::SyncAll(const std::set<std::shared_ptr<OpenFile>>& files) {
  std::set<std::string> unlinked;
  for (const std::shared_ptr<OpenFile>& file : files) {
    if (::fdatasync(file->fd.get()) != 0) {
      return Fail(IoError(errno, "can't sync the run file " + file->path));
    }
    const std::lock_guard lock(mutex_);
    if (!file->linked) unlinked.insert(file->path);
  }
  if (unlinked.empty()) return {};
  MUSTER_TRY(SyncLinks(unlinked));
  const std::lock_guard lock(mutex_);
  for (const std::shared_ptr<OpenFile>& file : files) file->linked = true;
  return {};
}

Result<std::shared_ptr<OpenFile>> DirectoryRunFileStore::OpenForAppend(const std::string& base,
                                                                       const std::string& path) {
  {
    const std::lock_guard lock(mutex_);
    if (const auto* found = open_files_.Find(path)) return *found;
  }
  Fd fd = OpenBeneath(root_.get(), path, O_RDWR);
  if (!fd.valid() && errno == ENOENT) {
    MUSTER_TRY(CountFile(base));
    MUSTER_TRY(MakeParents(path));
    fd = OpenBeneath(root_.get(), path, O_RDWR | O_CREAT);
  }
  if (!fd.valid()) return Fail(OpenError(errno, path));
  MUSTER_TRY(CheckRegular(fd.get(), path));
  auto file = std::make_shared<OpenFile>();
  file->fd = std::move(fd);
  file->path = path;
  const std::lock_guard lock(mutex_);
  open_files_.Put(path, file);
  return file;
}

Status DirectoryRunFileStore::MakeParents(const std::string& path) {
  if (OpenBeneath(root_.get(), path.substr(0, path.rfind('/')), O_PATH | O_DIRECTORY).valid())
    return {};
  for (std::size_t end = path.find('/'); end != std::string::npos; end = path.find('/', end + 1)) {
    const std::string parent = path.substr(0, end);
    if (OpenBeneath(root_.get(), parent, O_PATH | O_DIRECTORY).valid()) continue;
    if (errno != ENOENT) return Fail(OpenError(errno, parent));
    // What is above is a real directory; mkdir follows no link in the last component.
    const std::size_t slash = parent.rfind('/');
    const std::string above = slash == std::string::npos ? "." : parent.substr(0, slash);
    const Fd directory = OpenBeneath(root_.get(), above, O_PATH | O_DIRECTORY);
    if (!directory.valid()) return Fail(OpenError(errno, above));
    const std::string last = slash == std::string::npos ? parent : parent.substr(slash + 1);
    if (::mkdirat(directory.get(), last.c_str(), 0700) != 0 && errno != EEXIST) {
      return Fail(IoError(errno, "can't make the directory " + parent));
    }
  }
  return {};
}

// Brings the names of these files to disk, and those of the directories that lead to them.
Status DirectoryRunFileStore::SyncLinks(const std::set<std::string>& paths) {
  std::set<std::string> above;        // to sync; "": the root
  std::set<std::string> directories;  // whose names are on disk after that
  {
    const std::lock_guard lock(mutex_);
    for (std::string path : paths) {
      for (;;) {
        const std::size_t slash = path.rfind('/');
        path.resize(slash == std::string::npos ? 0 : slash);
        above.insert(path);
        if (path.empty() || durable_directories_.Find(path) != nullptr) break;
        directories.insert(path);
      }
    }
  }
  for (const std::string& path : above) {
    if (path.empty()) {
      MUSTER_TRY(Sync(root_.get(), directory_));
      continue;
    }
    const Fd directory = OpenBeneath(root_.get(), path, O_RDONLY | O_DIRECTORY);
    if (!directory.valid()) return Fail(OpenError(errno, path));
    MUSTER_TRY(Sync(directory.get(), path));
  }
  const std::lock_guard lock(mutex_);
  for (const std::string& path : directories) durable_directories_.Put(path, {});
  return {};
}

Result<std::vector<RunFileInfo>> DirectoryRunFileStore::List(const WorkspaceName& workspace,
                                                             const AttemptId& attempt,
                                                             std::string_view after,
                                                             std::size_t max_files) {
  MUSTER_ASSIGN(const std::string base, BaseOf(workspace, attempt));
  std::vector<RunFileInfo> files;
  Fd directory = OpenBeneath(root_.get(), base, O_RDONLY | O_DIRECTORY);
  if (!directory.valid()) {
    if (errno == ENOENT) return files;
    return Fail(OpenError(errno, base));
  }
  FirstNames first(after, max_files);
  MUSTER_TRY(VisitRunFiles(std::move(directory),
                           [&](const FoundRunFile& file) { first.Offer(file.name); }));
  for (const std::string& name : first.names()) {
    const Fd file = OpenBeneath(root_.get(), base + "/" + name, O_PATH);
    struct stat info {};
    if (!file.valid() || ::fstat(file.get(), &info) != 0) continue;  // removed meanwhile
    files.push_back({name, static_cast<std::uint64_t>(info.st_size)});
  }
  return files;
}

// With the lock held. What the attempt has stored, measured once; valid until the next call.
Result<DirectoryRunFileStore::Usage*> DirectoryRunFileStore::UsageOf(const std::string& base) {
  if (Usage* known = usages_.Find(base)) return known;
  Usage usage;
  Fd directory = OpenBeneath(root_.get(), base, O_RDONLY | O_DIRECTORY);
  if (directory.valid()) {
    MUSTER_TRY(VisitRunFiles(std::move(directory), [&](const FoundRunFile& file) {
      ++usage.files;
      usage.bytes += file.SizeBytes();
    }));
  }
  return &usages_.Put(base, usage);
}

// Counts a file that is about to be made; refuses the one that is too many.
Status DirectoryRunFileStore::CountFile(const std::string& base) {
  const std::lock_guard lock(mutex_);
  MUSTER_ASSIGN(Usage* const usage, UsageOf(base));
  if (usage->files >= kRunFilesPerAttempt) {
    return Fail(ErrorCode::kFailedPrecondition, ErrorReason::kTooMany,
                "an attempt may have 100,000 run files, " + base + " has as many");
  }
  ++usage->files;
  return {};
}

// Counts bytes that are about to be added to a file of `size`; refuses those over a limit.
Status DirectoryRunFileStore::CountBytes(const std::string& base, std::string_view name,
                                         std::uint64_t size, std::uint64_t fresh) {
  if (size + fresh > limits_.max_file_bytes) {
    return Fail(ErrorCode::kFailedPrecondition, ErrorReason::kTooLarge,
                "the run file " + std::string(name) + " has " + std::to_string(size) +
                    " bytes; the server keeps at most " + std::to_string(limits_.max_file_bytes) +
                    " of one file (max_run_file_bytes)");
  }
  const std::lock_guard lock(mutex_);
  MUSTER_ASSIGN(Usage* const usage, UsageOf(base));
  if (usage->bytes + fresh > limits_.max_attempt_bytes) {
    return Fail(ErrorCode::kFailedPrecondition, ErrorReason::kTooLarge,
                "the run files of " + base + " have " + std::to_string(usage->bytes) +
                    " bytes; the server keeps at most " +
                    std::to_string(limits_.max_attempt_bytes) +
                    " of an attempt (max_attempt_run_file_bytes)");
  }
  usage->bytes += fresh;
  return {};
}

// What was counted was not written: it is measured anew.
void DirectoryRunFileStore::ForgetUsage(const std::string& base) {
  const std::lock_guard lock(mutex_);
  usages_.Erase(base);
}

Result<std::string> DirectoryRunFileStore::Read(const WorkspaceName& workspace,
                                                const AttemptId& attempt, std::string_view name,
                                                std::uint64_t offset, std::size_t max_bytes) {
  MUSTER_ASSIGN(const std::string base, BaseOf(workspace, attempt));
  MUSTER_TRY(CheckRunFileName(name));
  const std::string path = base + "/" + std::string(name);
  const Fd fd = OpenBeneath(root_.get(), path, O_RDONLY);
  if (!fd.valid()) return Fail(OpenError(errno, path));
  MUSTER_TRY(CheckRegular(fd.get(), path));
  return ReadAt(fd.get(), offset, max_bytes);
}

}  // namespace

Result<std::unique_ptr<RunFileStore>> RunFileStore::Open(std::string directory,
                                                         RunFileLimits limits) {
  MUSTER_TRY(MakeDirectories(directory));
  MUSTER_ASSIGN(Fd root, OpenDirectory(directory));
  return std::make_unique<DirectoryRunFileStore>(std::move(directory), std::move(root), limits);
}

}  // namespace muster::storage
