#include "cli/upload.h"

#include <unistd.h>

#include <cerrno>
#include <ostream>

#include "cli/format.h"
#include "muster/v1/files.grpc.pb.h"

namespace muster::cli {
namespace {

namespace v1 = muster::v1;

constexpr std::size_t kChunkBytes = 256 * 1024;
// A stream of a size that the user chose; only a dead connection ends it before.
constexpr Duration kUploadDeadline = std::chrono::hours(24);
constexpr Duration kRedraw = std::chrono::milliseconds(100);

// One line that is drawn over itself.
class ProgressLine {
 public:
  ProgressLine(std::ostream& out, bool shown, std::uint64_t total)
      : out_(out), shown_(shown), total_(total), started_(ReadClock().steady), drawn_(started_) {}

  void Update(std::uint64_t sent) {
    const SteadyPoint now = ReadClock().steady;
    // An upload that is over at once needs no line.
    if (!shown_ || now - drawn_ < kRedraw) return;
    drawn_ = now;
    used_ = true;
    const auto elapsed_us = static_cast<std::uint64_t>((now - started_).count());
    const std::uint64_t rate = elapsed_us == 0 ? 0 : sent * 1'000'000 / elapsed_us;
    const std::uint64_t percent = total_ == 0 ? 100 : sent * 100 / total_;
    out_ << "\r\x1b[Kuploading " << FormatBytes(sent) << " of " << FormatBytes(total_) << " ("
         << percent << "%), " << FormatBytes(rate) << "/s" << std::flush;
  }

  ~ProgressLine() {
    if (used_) out_ << "\r\x1b[K" << std::flush;
  }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

 private:
  std::ostream& out_;
  const bool shown_;
  const std::uint64_t total_;
  const SteadyPoint started_;
  SteadyPoint drawn_;
  bool used_ = false;
};

bool ReadChunk(int fd, std::uint64_t offset, std::uint64_t left, std::string& chunk) {
  chunk.resize(std::min<std::uint64_t>(kChunkBytes, left));
  while (true) {
    const ssize_t count = pread(fd, chunk.data(), chunk.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    chunk.resize(static_cast<std::size_t>(count));
    return true;
  }
}

grpc::Status Upload(v1::BlobService::Stub& stub, grpc::ClientContext& context,
                    const std::string& workspace, const PackedDirectory& packed,
                    ProgressLine& progress) {
  v1::UploadBlobReply reply;
  const auto writer = stub.UploadBlob(&context, &reply);
  v1::UploadBlobRequest request;
  request.mutable_header()->set_workspace(workspace);
  request.mutable_header()->set_digest(packed.digest.Hex());
  request.mutable_header()->set_size_bytes(packed.size_bytes);
  // A failed write means that the server has ended the call: Finish knows why.
  bool open = writer->Write(request);
  std::string chunk;
  for (std::uint64_t sent = 0; open && sent < packed.size_bytes;) {
    if (!ReadChunk(packed.file.get(), sent, packed.size_bytes - sent, chunk)) {
      context.TryCancel();
      (void)writer->Finish();
      return {grpc::INTERNAL, "the temporary file with the packed source cannot be read"};
    }
    request.set_chunk(chunk);
    open = writer->Write(request);
    sent += chunk.size();
    progress.Update(sent);
  }
  writer->WritesDone();
  return writer->Finish();
}

}  // namespace

Outcome<void> UploadIfMissing(Session& session, Client& client, const std::string& workspace,
                              const PackedDirectory& packed) {
  v1::FindMissingBlobsRequest request;
  request.set_workspace(workspace);
  request.add_digests(packed.digest.Hex());
  MUSTER_CLI_ASSIGN(const auto reply,
                    Call<v1::BlobService>(client, &v1::BlobService::Stub::FindMissingBlobs, request,
                                          kSubmitPatience));
  if (reply.missing_digests().empty()) return {};
  const auto stub = v1::BlobService::NewStub(client.channel());
  return client.Try(
      [&](grpc::ClientContext& context) {
        ProgressLine progress(session.err, session.terminal.err, packed.size_bytes);
        return Upload(*stub, context, workspace, packed, progress);
      },
      kSubmitPatience, kUploadDeadline);
}

}  // namespace muster::cli
