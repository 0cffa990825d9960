#include "storage/blob_store.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <utility>

#include "storage/files/posix.h"

namespace muster::storage {
namespace {

constexpr std::size_t kReadBytes = 1 << 20;

Error Unknown(const Digest& digest) {
  return Error{ErrorCode::kNotFound, ErrorReason::kUnknownBlob, "there is no blob " + digest.Hex()};
}

// Where a blob is, and the folders that lead to it.
struct Place {
  std::string objects;
  std::string folder;
  std::string path;
};

// Moves a file that is whole and synced to its place.
Status MoveTo(const Place& place, const std::string& path) {
  const bool new_folder = ::mkdir(place.folder.c_str(), 0700) == 0;
  if (!new_folder && errno != EEXIST) {
    return Fail(IoError(errno, "can't make the directory " + place.folder));
  }
  if (std::rename(path.c_str(), place.path.c_str()) != 0) {
    return Fail(IoError(errno, "can't rename a blob to " + place.path));
  }
  MUSTER_TRY(SyncDirectory(place.folder));
  // Whoever made the folder may not have synced it yet: an fsync of what is clean costs nothing.
  return SyncDirectory(place.objects);
}

Result<Digest> DigestOf(int file) {
  Hasher hasher;
  for (std::uint64_t offset = 0;;) {
    MUSTER_ASSIGN(const std::string data, ReadAt(file, offset, kReadBytes));
    if (data.empty()) return hasher.Finish();
    hasher.Update(data);
    offset += data.size();
  }
}

class TemporaryBlob final : public BlobStore::Writer {
 public:
  TemporaryBlob(Fd file, std::string temporary, Place place, Digest digest, std::uint64_t size)
      : file_(std::move(file)),
        temporary_(std::move(temporary)),
        place_(std::move(place)),
        digest_(digest),
        size_bytes_(size) {}
  ~TemporaryBlob() override {
    ::unlink(temporary_.c_str());  // nothing is there after a commit: the name is used once
  }

  Status Append(std::string_view data) override;
  Status Commit() override;

 private:
  Fd file_;
  std::string temporary_;
  Place place_;
  Digest digest_;
  std::uint64_t size_bytes_;
  std::uint64_t written_bytes_ = 0;
  Hasher hasher_;
  bool finished_ = false;  // the hash was taken
};

Status TemporaryBlob::Append(std::string_view data) {
  if (finished_) {
    return Fail(ErrorCode::kFailedPrecondition, ErrorReason::kUnspecified,
                "a blob that was committed takes no more");
  }
  if (data.size() > size_bytes_ - written_bytes_) {
    return Fail(ErrorCode::kDataLoss, ErrorReason::kDigestMismatch,
                "blob " + digest_.Hex() + " was announced with " + std::to_string(size_bytes_) +
                    " bytes, and more came");
  }
  MUSTER_TRY(WriteAt(file_.get(), written_bytes_, data));
  hasher_.Update(data);
  written_bytes_ += data.size();
  return {};
}

Status TemporaryBlob::Commit() {
  if (finished_) {
    return Fail(ErrorCode::kFailedPrecondition, ErrorReason::kUnspecified,
                "a blob is committed once");
  }
  finished_ = true;
  const Digest found = hasher_.Finish();
  if (written_bytes_ != size_bytes_ || found != digest_) {
    return Fail(ErrorCode::kDataLoss, ErrorReason::kDigestMismatch,
                "blob " + digest_.Hex() + " of " + std::to_string(size_bytes_) +
                    " bytes was announced, but " + std::to_string(written_bytes_) +
                    " bytes with digest " + found.Hex() + " came");
  }
  MUSTER_TRY(Sync(file_.get(), temporary_));
  return MoveTo(place_, temporary_);
}

class DirectoryBlobStore final : public BlobStore {
 public:
  explicit DirectoryBlobStore(const std::string& directory)
      : objects_(directory + "/objects"), temporary_(directory + "/tmp") {}

  Status Prepare();

  bool Has(const Digest& digest) const override { return Size(digest).has_value(); }
  Result<std::uint64_t> Size(const Digest& digest) const override;
  Result<std::string> Read(const Digest& digest, std::uint64_t offset,
                           std::size_t max_bytes) const override;
  std::string PathOf(const Digest& digest) const override { return PlaceOf(digest).path; }
  Result<std::vector<BlobEntry>> List() const override;
  void NoteUsed(const Digest& digest) override {
    ::utimensat(AT_FDCWD, PathOf(digest).c_str(), nullptr, AT_SYMLINK_NOFOLLOW);
  }
  Status Remove(const Digest& digest) override;
  Result<std::unique_ptr<Writer>> Create(const Digest& digest, std::uint64_t size_bytes) override;
  Status Adopt(const Digest& digest, const std::string& path) override;

 private:
  Place PlaceOf(const Digest& digest) const {
    const std::string hex = digest.Hex();
    const std::string folder = objects_ + "/" + hex.substr(0, 2);
    return {objects_, folder, folder + "/" + hex.substr(2)};
  }

  std::string objects_;
  std::string temporary_;
  std::atomic<std::uint64_t> next_temporary_{0};
};

Status DirectoryBlobStore::Prepare() {
  MUSTER_TRY(MakeDirectories(objects_));
  MUSTER_TRY(MakeDirectories(temporary_));
  DIR* entries = ::opendir(temporary_.c_str());
  if (entries == nullptr) return Fail(IoError(errno, "can't read the directory " + temporary_));
  // What a crash left: nobody else writes here.
  while (const dirent* entry = ::readdir(entries)) {
    ::unlinkat(::dirfd(entries), entry->d_name, 0);
  }
  ::closedir(entries);
  return {};
}

Result<std::uint64_t> DirectoryBlobStore::Size(const Digest& digest) const {
  struct stat info {};
  const std::string path = PathOf(digest);
  if (::stat(path.c_str(), &info) != 0) {
    if (errno == ENOENT) return Fail(Unknown(digest));
    return Fail(IoError(errno, "can't look at " + path));
  }
  return static_cast<std::uint64_t>(info.st_size);
}

Result<std::vector<BlobEntry>> DirectoryBlobStore::List() const {
  std::vector<BlobEntry> blobs;
  std::error_code error;
  for (std::filesystem::recursive_directory_iterator file(objects_, error), end;
       !error && file != end; file.increment(error)) {
    const std::filesystem::path& path = file->path();
    const auto digest =
        Digest::Parse(path.parent_path().filename().string() + path.filename().string());
    struct stat info {};
    if (!digest || ::lstat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) continue;
    blobs.push_back({*digest, static_cast<std::uint64_t>(info.st_size),
                     TimePoint(std::chrono::duration_cast<Duration>(
                         std::chrono::seconds(info.st_mtim.tv_sec) +
                         std::chrono::nanoseconds(info.st_mtim.tv_nsec)))});
  }
  if (error) return Fail(IoError(error.value(), "can't read the directory " + objects_));
  return blobs;
}

Status DirectoryBlobStore::Remove(const Digest& digest) {
  const std::string path = PathOf(digest);
  if (::unlink(path.c_str()) == 0 || errno == ENOENT) return {};
  return Fail(IoError(errno, "can't remove " + path));
}

Result<std::string> DirectoryBlobStore::Read(const Digest& digest, std::uint64_t offset,
                                             std::size_t max_bytes) const {
  const std::string path = PathOf(digest);
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!file.valid()) {
    if (errno == ENOENT) return Fail(Unknown(digest));
    return Fail(IoError(errno, "can't open " + path));
  }
  return ReadAt(file.get(), offset, max_bytes);
}

Result<std::unique_ptr<BlobStore::Writer>> DirectoryBlobStore::Create(const Digest& digest,
                                                                      std::uint64_t size_bytes) {
  const std::string path = temporary_ + "/" + std::to_string(next_temporary_++);
  Fd file(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file.valid()) return Fail(IoError(errno, "can't create " + path));
  return std::make_unique<TemporaryBlob>(std::move(file), path, PlaceOf(digest), digest,
                                         size_bytes);
}

Status DirectoryBlobStore::Adopt(const Digest& digest, const std::string& path) {
  const Fd file(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  if (!file.valid()) return Fail(IoError(errno, "can't open " + path));
  MUSTER_ASSIGN(const Digest found, DigestOf(file.get()));
  if (found != digest) {
    return Fail(
        ErrorCode::kDataLoss, ErrorReason::kDigestMismatch,
        "content with digest " + found.Hex() + " came in the place of blob " + digest.Hex());
  }
  if (::fchmod(file.get(), 0600) != 0) return Fail(IoError(errno, "can't set the mode of " + path));
  MUSTER_TRY(Sync(file.get(), path));
  return MoveTo(PlaceOf(digest), path);
}

}  // namespace

Result<std::unique_ptr<BlobStore>> BlobStore::Open(const std::string& directory) {
  auto store = std::make_unique<DirectoryBlobStore>(directory);
  MUSTER_TRY(store->Prepare());
  return store;
}

}  // namespace muster::storage
