// One upload: header, chunks, commit. Each chunk is written before the next is read, so an upload
// holds one chunk. Owns itself until gRPC is done with it.
#pragma once

#include <grpcpp/support/server_callback.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>

#include "muster/v1/files.pb.h"
#include "server/rpc/rpc_parts.h"

namespace muster::server {

class BlobUpload final : public grpc::ServerReadReactor<muster::v1::UploadBlobRequest>,
                         public Stallable,
                         public std::enable_shared_from_this<BlobUpload> {
 public:
  // `uploads` counts those under way and outlives them.
  BlobUpload(const RpcParts& parts, scheduler::Principal caller, std::atomic<std::size_t>& uploads,
             muster::v1::UploadBlobReply* reply)
      : parts_(parts), caller_(std::move(caller)), uploads_(uploads), reply_(reply) {}
  // Call once, right after construction.
  BlobUpload* Begin();

  void OnReadDone(bool ok) override;
  void OnCancel() override { End(grpc::Status::CANCELLED); }
  void OnDone() override;
  void CheckStall(SteadyPoint now) override;

 private:
  // On an I/O thread.
  void Take(const muster::v1::UploadBlobRequest& request);
  Status Open(const muster::v1::BlobHeader& header);
  void Commit();
  void SetTicket(std::unique_ptr<StreamTickets::Ticket> ticket);
  void ReadNext();
  void End(const grpc::Status& status);

  const RpcParts& parts_;
  const scheduler::Principal caller_;
  std::atomic<std::size_t>& uploads_;
  muster::v1::UploadBlobReply* const reply_;
  muster::v1::UploadBlobRequest incoming_;
  // One thread at a time: the reads follow each other.
  std::optional<Digest> digest_;
  std::unique_ptr<storage::BlobStore::Writer> writer_;

  std::mutex mutex_;  // what follows
  std::shared_ptr<BlobUpload> self_;
  std::unique_ptr<StreamTickets::Ticket> ticket_;
  SteadyPoint read_started_{};
  bool reading_ = false;
  bool ended_ = false;
};

}  // namespace muster::server
