#include "agent/session/blob_fetcher.h"

#include <fcntl.h>
#include <grpcpp/client_context.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>

#include "base/log.h"
#include "muster/v1/agent.grpc.pb.h"

namespace muster::agent {
namespace {

constexpr std::size_t kCopyBytes = 1 << 20;
// Two transfers with wrong content: the server's copy is bad, not the way.
constexpr int kMaxTransfers = 2;

Error IoError(const std::string& what, const std::string& path) {
  // A full disk has an identity of its own: it is the node's fault, not the job's.
  const bool full = errno == ENOSPC || errno == EDQUOT;
  return Error{full ? ErrorCode::kResourceExhausted : ErrorCode::kInternal,
               full ? ErrorReason::kDiskReserve : ErrorReason::kIo,
               "cannot " + what + " " + path + ": " + std::strerror(errno)};
}

// The file that a transfer grows.
class PartFile {
 public:
  static Result<PartFile> Open(const std::string& path) {
    const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) return Fail(IoError("open", path));
    return PartFile(path, fd);
  }
  PartFile(PartFile&& other) noexcept : path_(std::move(other.path_)), fd_(other.fd_) {
    other.fd_ = -1;
  }
  PartFile& operator=(PartFile&&) = delete;
  ~PartFile() {
    if (fd_ >= 0) close(fd_);
  }

  Result<std::uint64_t> Size() const {
    struct stat info {};
    if (fstat(fd_, &info) != 0) return Fail(IoError("stat", path_));
    return static_cast<std::uint64_t>(info.st_size);
  }

  Status Append(std::uint64_t offset, std::string_view data) const {
    while (!data.empty()) {
      const ssize_t n = pwrite(fd_, data.data(), data.size(), static_cast<off_t>(offset));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return Fail(IoError("write", path_));
      data.remove_prefix(static_cast<std::size_t>(n));
      offset += static_cast<std::uint64_t>(n);
    }
    return {};
  }

  // Empty at the end.
  Result<std::string> Read(std::uint64_t offset) const {
    std::string data(kCopyBytes, '\0');
    const ssize_t n = pread(fd_, data.data(), data.size(), static_cast<off_t>(offset));
    if (n < 0) return Fail(IoError("read", path_));
    data.resize(static_cast<std::size_t>(n));
    return data;
  }

 private:
  PartFile(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  std::string path_;
  int fd_;
};

}  // namespace

struct BlobFetcher::Flight {
  std::optional<Result<std::string>> result;
};

BlobFetcher::BlobFetcher(ServerChannel& channel, storage::BlobStore& blobs, StopSignal& stop,
                         BlobFetcherConfig config)
    : channel_(channel), blobs_(blobs), stop_(stop), config_(std::move(config)) {}

Result<std::string> BlobFetcher::Fetch(const std::string& digest_hex) {
  const auto digest = Digest::Parse(digest_hex);
  if (!digest) {
    return Fail(ErrorCode::kInvalidArgument, ErrorReason::kStaging,
                "\"" + digest_hex + "\" is no digest");
  }
  std::unique_lock lock(mutex_);
  if (const auto found = flights_.find(*digest); found != flights_.end()) {
    const std::shared_ptr<Flight> flight = found->second;
    landed_.wait(lock, [&] { return flight->result.has_value(); });
    return *flight->result;
  }
  const auto flight = std::make_shared<Flight>();
  flights_[*digest] = flight;
  lock.unlock();
  auto result = FetchAlone(*digest);
  lock.lock();
  flight->result = result;
  flights_.erase(*digest);
  landed_.notify_all();
  return result;
}

std::uint64_t BlobFetcher::fetched_bytes() const {
  const std::lock_guard lock(mutex_);
  return fetched_bytes_;
}

Result<std::string> BlobFetcher::FetchAlone(const Digest& digest) {
  if (blobs_.Has(digest)) return blobs_.PathOf(digest);
  const std::string path = config_.incoming_directory + "/" + digest.Hex();
  SystemRandom random;
  Backoff backoff(config_.backoff, random);
  int transfers = 0;
  for (;;) {
    Status status = Download(digest, path);
    if (status) {
      status = Adopt(digest, path);
      unlink(path.c_str());
      if (status) return blobs_.PathOf(digest);
      if (status.error().code != ErrorCode::kDataLoss || ++transfers == kMaxTransfers) {
        return Fail(status.error());
      }
    } else if (!IsTransient(status.error().code) ||
               status.error().reason == ErrorReason::kDiskReserve) {
      unlink(path.c_str());
      return Fail(status.error());
    }
    Log(LogLevel::kWarning, "blob_fetch_retried",
        {{"digest", digest.Hex()}, {"error", status.error().message}});
    if (stop_.SleepFor(backoff.Next())) {
      return Fail(ErrorCode::kCancelled, ErrorReason::kShuttingDown, "the agent is ending");
    }
  }
}

// From what is there to the end of the server's copy.
Status BlobFetcher::Download(const Digest& digest, const std::string& path) {
  MUSTER_ASSIGN(const PartFile file, PartFile::Open(path));
  MUSTER_ASSIGN(std::uint64_t offset, file.Size());
  v1::ReadBlobRequest request;
  request.set_digest(digest.Hex());
  request.set_offset(offset);
  grpc::ClientContext context;
  const StopSignal::Registration cancel(stop_, [&context] { context.TryCancel(); });
  const auto stub = v1::AgentService::NewStub(channel_.Get());
  const auto reader = stub->ReadBlob(&context, request);
  v1::ReadBlobChunk chunk;
  Status written;
  while (written && reader->Read(&chunk)) {
    const std::size_t bytes = chunk.data().size();
    if (offset + bytes > config_.max_bytes) {
      written = Fail(ErrorCode::kInvalidArgument, ErrorReason::kTooLarge,
                     "blob " + digest.Hex() + " is larger than " +
                         std::to_string(config_.max_bytes) + " bytes");
      break;
    }
    written = file.Append(offset, chunk.data());
    offset += bytes;
    const std::lock_guard lock(mutex_);
    fetched_bytes_ += bytes;
  }
  if (!written) context.TryCancel();
  const grpc::Status status = reader->Finish();
  if (!written) return written;
  if (status.ok()) return {};
  Error error = FromGrpcStatus(status);
  if (error.code == ErrorCode::kOutOfRange) {
    // More here than there: what lies here is not this blob's beginning.
    unlink(path.c_str());
    error.code = ErrorCode::kAborted;
  }
  error.reason = ErrorReason::kStaging;
  error.message = "the server does not send blob " + digest.Hex() + ": " + error.message;
  return Fail(std::move(error));
}

// Into the store, which checks the digest.
Status BlobFetcher::Adopt(const Digest& digest, const std::string& path) {
  MUSTER_ASSIGN(const PartFile file, PartFile::Open(path));
  MUSTER_ASSIGN(const std::uint64_t size, file.Size());
  MUSTER_ASSIGN(const auto writer, blobs_.Create(digest, size));
  std::uint64_t offset = 0;
  while (offset < size) {
    MUSTER_ASSIGN(const std::string data, file.Read(offset));
    if (data.empty()) break;
    MUSTER_TRY(writer->Append(data));
    offset += data.size();
  }
  return writer->Commit();
}

}  // namespace muster::agent
