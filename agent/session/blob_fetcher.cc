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

 private:
  PartFile(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  std::string path_;
  int fd_;
};

Result<std::string> GivenUp() {
  return Fail(ErrorCode::kCancelled, ErrorReason::kShuttingDown,
              "the transfer was cut short: the attempt is to be stopped, or the agent ends");
}

// 0 if it is not there.
std::uint64_t SizeOf(const std::string& path) {
  struct stat info {};
  return stat(path.c_str(), &info) == 0 ? static_cast<std::uint64_t>(info.st_size) : 0;
}

// The server answers, but does not give: unlike one that is away, it may go on so for good.
bool IsRefusal(ErrorCode code) {
  return code == ErrorCode::kUnauthenticated || code == ErrorCode::kResourceExhausted ||
         code == ErrorCode::kAborted || code == ErrorCode::kCancelled;
}

}  // namespace

struct BlobFetcher::Flight {
  std::optional<Result<std::string>> result;
};

BlobFetcher::BlobFetcher(ServerChannel& channel, BlobCache& cache, StopSignal& stop,
                         BlobFetcherConfig config)
    : channel_(channel), cache_(cache), stop_(stop), config_(std::move(config)) {}

Result<std::string> BlobFetcher::Fetch(const std::string& digest_hex, StopSignal& given_up) {
  const auto digest = Digest::Parse(digest_hex);
  if (!digest) {
    return Fail(ErrorCode::kInvalidArgument, ErrorReason::kStaging,
                "\"" + digest_hex + "\" is no digest");
  }
  const StopSignal::Registration ending(stop_, [&given_up] { given_up.Set(); });
  for (;;) {
    std::shared_ptr<Flight> flight;
    bool own = false;
    {
      const std::lock_guard lock(mutex_);
      std::shared_ptr<Flight>& known = flights_[*digest];
      own = known == nullptr;
      if (own) known = std::make_shared<Flight>();
      flight = known;
    }
    if (!own) {
      if (auto result = Await(flight, given_up)) return std::move(*result);
      continue;
    }
    auto result = FetchAlone(*digest, given_up);
    const std::lock_guard lock(mutex_);
    flight->result = result;
    flights_.erase(*digest);
    landed_.notify_all();
    return result;
  }
}

std::optional<Result<std::string>> BlobFetcher::Await(const std::shared_ptr<Flight>& flight,
                                                      StopSignal& given_up) {
  bool leave = false;
  const StopSignal::Registration leaving(given_up, [this, &leave] {
    const std::lock_guard lock(mutex_);
    leave = true;
    landed_.notify_all();
  });
  std::unique_lock lock(mutex_);
  landed_.wait(lock, [&] { return leave || flight->result.has_value(); });
  if (leave) return GivenUp();
  const auto& result = *flight->result;
  if (!result && result.error().code == ErrorCode::kCancelled) return std::nullopt;
  return result;
}

std::uint64_t BlobFetcher::fetched_bytes() const {
  const std::lock_guard lock(mutex_);
  return fetched_bytes_;
}

Result<std::string> BlobFetcher::FetchAlone(const Digest& digest, StopSignal& given_up) {
  if (cache_.blobs().Has(digest)) return cache_.blobs().PathOf(digest);
  const std::string path = config_.incoming_directory + "/" + digest.Hex();
  SystemRandom random;
  Backoff backoff(config_.backoff, random);
  int transfers = 0;
  SteadyPoint given_at = ReadClock().steady;  // or before anything was refused
  for (;;) {
    const std::uint64_t bytes_before = SizeOf(path);
    Status status = Download(digest, path, given_up);
    if (given_up.IsSet()) return GivenUp();
    if (status) {
      status = cache_.blobs().Adopt(digest, path);
      if (status) {
        cache_.Added();
        return cache_.blobs().PathOf(digest);
      }
      unlink(path.c_str());
      if (status.error().code != ErrorCode::kDataLoss || ++transfers == kMaxTransfers) {
        return Fail(status.error());
      }
    } else if (!IsTransient(status.error().code) ||
               status.error().reason == ErrorReason::kDiskReserve) {
      unlink(path.c_str());
      return Fail(status.error());
    }
    const SteadyPoint now = ReadClock().steady;
    const bool refused = !status && IsRefusal(status.error().code);
    if (!refused || SizeOf(path) != bytes_before) given_at = now;
    if (now - given_at >= config_.refusal_limit) return Fail(status.error());
    Log(LogLevel::kWarning, "blob_fetch_retried",
        {{"digest", digest.Hex()}, {"error", status.error().message}});
    if (given_up.SleepFor(backoff.Next())) return GivenUp();
  }
}

// From what is there to the end of the server's copy.
Status BlobFetcher::Download(const Digest& digest, const std::string& path, StopSignal& given_up) {
  MUSTER_ASSIGN(const PartFile file, PartFile::Open(path));
  MUSTER_ASSIGN(std::uint64_t offset, file.Size());
  v1::ReadBlobRequest request;
  request.set_digest(digest.Hex());
  request.set_offset(offset);
  grpc::ClientContext context;
  const StopSignal::Registration cancel(given_up, [&context] { context.TryCancel(); });
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

}  // namespace muster::agent
