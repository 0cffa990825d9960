// Uploads against a disk whose free space the test decides.
#include <gtest/gtest.h>

#include <thread>

#include "muster/v1/common.pb.h"
#include "muster/v1/files.grpc.pb.h"
#include "server/rpc/blob_service.h"
#include "tests/unit/security/inline_loop.h"
#include "tests/unit/security/secure_server.h"
#include "tests/unit/security/temporary_directory.h"

namespace muster::server {
namespace {

const TlsPolicyApplied kTlsPolicyApplied;

class Uploads : public ::testing::Test {
 protected:
  static constexpr std::uint64_t kReserve = 1'000;

  std::filesystem::path blobs() const { return directory_.path() / "blobs"; }
  void WaitForTheTemporaryFile() const {
    while (std::filesystem::is_empty(blobs() / "tmp")) std::this_thread::yield();
  }

  TemporaryDirectory directory_;
  InlineLoop loop_;
  SessionRegistry sessions_;
  HistoryReaders history_{{}, 1};
  WorkerPool io_{1, 10};
  std::unique_ptr<storage::BlobStore> blobs_ = *storage::BlobStore::Open(blobs());
  std::unique_ptr<storage::RunFileStore> run_files_ =
      *storage::RunFileStore::Open(directory_.path() / "runfiles");
  WakeHub hub_;
  StallWatch stalls_;
  DiskGauge disk_{kReserve};
  std::atomic<std::uint64_t> live_sequence_ = 0;
  security::KeyAndCertificate ca_;
  IdentitiesHolder identities_;
  StreamTickets tickets_{identities_, 10};
  Enrollment enrollment_{ca_, identities_};
  PathCheck path_check_{loop_, io_, Duration::zero()};
  RpcParts parts_{loop_,       sessions_,      history_,   io_,      *blobs_,     *run_files_,
                  hub_,        stalls_,        disk_,      tickets_, path_check_, live_sequence_,
                  enrollment_, SpecDefaults{}, RpcLimits{}};
  BlobService service_{parts_};
  SecureServer server_{{&service_}};
  std::unique_ptr<v1::BlobService::Stub> stub_ = v1::BlobService::NewStub(server_.Connect());
};

TEST_F(Uploads, AnUploadThatHasBegunEndsAtTheReserveToo) {
  disk_.Set(kReserve + 100, disk_.written_bytes());
  grpc::ClientContext context;
  context.AddMetadata(security::kAuthorizationKey, server_.AuthorizationOf(scheduler::Role::kUser));
  v1::UploadBlobReply reply;
  const auto stream = stub_->UploadBlob(&context, &reply);
  v1::UploadBlobRequest request;
  request.mutable_header()->set_digest(Sha256("content").Hex());
  request.mutable_header()->set_size_bytes(7);
  ASSERT_TRUE(stream->Write(request));
  WaitForTheTemporaryFile();

  disk_.Set(kReserve - 1, disk_.written_bytes());  // others have filled it meanwhile
  request.set_chunk("content");
  stream->Write(request);
  stream->WritesDone();
  const grpc::Status status = stream->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  v1::ErrorDetail detail;
  ASSERT_TRUE(detail.ParseFromString(status.error_details()));
  EXPECT_EQ(detail.reason(), "DISK_RESERVE");
  EXPECT_FALSE(blobs_->Has(Sha256("content")));
}

}  // namespace
}  // namespace muster::server
