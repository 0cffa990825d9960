#include "server/rpc/blob_upload.h"

#include <utility>

#include "server/auth/principal.h"
#include "server/rpc/status.h"

namespace muster::server {
namespace {

namespace v1 = muster::v1;

constexpr std::size_t kMaxChunkBytes = std::size_t{1} << 20;

Error Bad(std::string message) {
  return Error{ErrorCode::kInvalidArgument, ErrorReason::kInvalidSpec, std::move(message)};
}

Error DoesNotFit(const DiskGauge& disk) {
  return Error{ErrorCode::kResourceExhausted, ErrorReason::kDiskReserve,
               "the server's disk has " + std::to_string(disk.free_bytes()) +
                   " bytes free and keeps a reserve of " + std::to_string(disk.reserve_bytes()) +
                   "; the blob does not fit. Free space on it and try again"};
}

}  // namespace

BlobUpload* BlobUpload::Begin() {
  self_ = shared_from_this();
  parts_.stalls.Add(self_);
  const bool fits = uploads_.fetch_add(1) < parts_.limits.max_uploads;
  if (!fits) {
    End(ToGrpcStatus(Error{ErrorCode::kResourceExhausted, ErrorReason::kTooMany,
                           "the server takes " + std::to_string(parts_.limits.max_uploads) +
                               " uploads at a time; try again"}));
  } else if (auto ticket = parts_.tickets.Admit(caller_); !ticket) {
    End(ToGrpcStatus(ticket.error()));
  } else {
    SetTicket(std::move(*ticket));
    ReadNext();
  }
  return this;
}

void BlobUpload::SetTicket(std::unique_ptr<StreamTickets::Ticket> ticket) {
  const std::lock_guard lock(mutex_);
  ticket_ = std::move(ticket);
}

void BlobUpload::ReadNext() {
  const std::lock_guard lock(mutex_);
  if (ended_) return;
  reading_ = true;
  read_started_ = ReadClock().steady;
  StartRead(&incoming_);
}

void BlobUpload::OnReadDone(bool ok) {
  {
    const std::lock_guard lock(mutex_);
    reading_ = false;
    if (ended_) return;
  }
  parts_.io.Continue([self = shared_from_this(), ok](std::size_t) {
    ok ? self->Take(self->incoming_) : self->Commit();
  });
}

void BlobUpload::Take(const v1::UploadBlobRequest& request) {
  if (request.has_header()) {
    const Status opened = digest_ ? Fail(Bad("an upload has one header")) : Open(request.header());
    if (!opened) return End(ToGrpcStatus(opened.error()));
    if (writer_ == nullptr) return End(grpc::Status::OK);  // it is there already
    return ReadNext();
  }
  if (writer_ == nullptr) return End(ToGrpcStatus(Bad("an upload begins with its header")));
  if (request.chunk().size() > kMaxChunkBytes) {
    return End(ToGrpcStatus(Bad("a chunk of " + std::to_string(request.chunk().size()) +
                                " bytes; at most 1 MiB (1048576 bytes) is allowed")));
  }
  // Each of many uploads fitted by itself when it began.
  if (!parts_.disk.FitsNewWork(request.chunk().size())) {
    return End(ToGrpcStatus(DoesNotFit(parts_.disk)));
  }
  parts_.disk.NoteWrite(request.chunk().size());
  const Status written = writer_->Append(request.chunk());
  if (!written) return End(ToGrpcStatus(written.error()));
  ReadNext();
}

Status BlobUpload::Open(const v1::BlobHeader& header) {
  MUSTER_TRY(WorkspaceFor(caller_, header.workspace()));
  digest_ = Digest::Parse(header.digest());
  if (!digest_) return Fail(Bad("digest must be 64 lower-case hex characters"));
  reply_->set_digest(digest_->Hex());
  if (parts_.blobs.Has(*digest_)) {
    reply_->set_existed(true);
    return {};
  }
  if (header.size_bytes() > parts_.limits.max_blob_bytes) {
    return Fail(ErrorCode::kInvalidArgument, ErrorReason::kTooLarge,
                "a blob of " + std::to_string(header.size_bytes()) + " bytes; at most " +
                    std::to_string(parts_.limits.max_blob_bytes) + " are allowed");
  }
  if (!parts_.disk.FitsNewWork(header.size_bytes())) return Fail(DoesNotFit(parts_.disk));
  MUSTER_ASSIGN(writer_, parts_.blobs.Create(*digest_, header.size_bytes()));
  return {};
}

void BlobUpload::Commit() {
  if (writer_ == nullptr) return End(ToGrpcStatus(Bad("an upload begins with its header")));
  const Status committed = writer_->Commit();
  End(committed ? grpc::Status::OK : ToGrpcStatus(committed.error()));
}

void BlobUpload::End(const grpc::Status& status) {
  const std::lock_guard lock(mutex_);
  if (std::exchange(ended_, true)) return;
  Finish(status);
}

void BlobUpload::CheckStall(SteadyPoint now) {
  Status valid;
  {
    const std::lock_guard lock(mutex_);
    if (ended_) return;
    if (ticket_ != nullptr) valid = ticket_->Check(ReadClock().wall);
    const bool stalled = reading_ && now - read_started_ >= parts_.limits.stall_timeout;
    if (valid && !stalled) return;
  }
  if (!valid) return End(ToGrpcStatus(valid.error()));
  End(ToGrpcStatus(Error{ErrorCode::kDeadlineExceeded, ErrorReason::kSlowReader,
                         "cut off: nothing came for too long; upload again"}));
}

void BlobUpload::OnDone() {
  uploads_.fetch_sub(1);
  std::shared_ptr<BlobUpload> last;
  const std::lock_guard lock(mutex_);
  last = std::move(self_);
}

}  // namespace muster::server
