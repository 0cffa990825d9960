// Lists in pages and streams that are open for long, over TLS, against a whole server.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/digest.h"
#include "muster/v1/admin.grpc.pb.h"
#include "muster/v1/files.grpc.pb.h"
#include "muster/v1/jobs.grpc.pb.h"
#include "tests/unit/server/running_server.h"

namespace muster::server {
namespace {

using grpc::StatusCode;

RpcLimits FewStreams() {
  RpcLimits limits;
  limits.max_streams = 2;
  return limits;
}

class Streams : public ::testing::Test {
 protected:
  struct Watch {
    std::unique_ptr<grpc::ClientContext> context;
    std::unique_ptr<grpc::ClientReader<v1::JobEvent>> reader;
  };
  // Of the job, which waits: after its submission nothing comes of itself.
  Watch Open() {
    v1::WatchJobsRequest request;
    request.set_job_id(job_);
    Watch watch;
    watch.context = server_.Call();
    watch.reader = jobs_->WatchJobs(watch.context.get(), request);
    return watch;
  }
  static bool Begins(Watch& watch) {
    v1::JobEvent submitted;
    return watch.reader->Read(&submitted);
  }
  static grpc::Status End(Watch& watch) {
    v1::JobEvent event;
    while (watch.reader->Read(&event)) continue;
    return watch.reader->Finish();
  }
  v1::CreateTokenReply NewToken(const std::string& user, std::int64_t seconds) {
    v1::CreateTokenRequest request;
    request.set_user(user);
    request.set_role(v1::ROLE_USER);
    request.set_expires_in_s(seconds);
    request.set_request_id("token of " + user);
    v1::CreateTokenReply reply;
    EXPECT_TRUE(admin_->CreateToken(server_.Call().get(), request, &reply).ok());
    return reply;
  }
  std::string Submit() {
    v1::UploadBlobReply uploaded;
    const auto context = server_.Call();
    const auto stream = blobs_->UploadBlob(context.get(), &uploaded);
    v1::UploadBlobRequest part;
    part.mutable_header()->set_digest(Sha256("source").Hex());
    part.mutable_header()->set_size_bytes(6);
    stream->Write(part);
    part.set_chunk("source");
    stream->Write(part);
    stream->WritesDone();
    EXPECT_TRUE(stream->Finish().ok());
    v1::SubmitJobRequest request;
    request.mutable_spec()->set_experiment("digits");
    request.mutable_spec()->set_script("train.py");
    request.mutable_spec()->set_snapshot_digest(Sha256("source").Hex());
    request.set_request_id("submit");
    v1::SubmitJobReply reply;
    EXPECT_TRUE(jobs_->SubmitJob(server_.Call().get(), request, &reply).ok());
    return reply.job_id();
  }

  RunningServer server_{0, FewStreams()};
  std::unique_ptr<v1::JobService::Stub> jobs_ = v1::JobService::NewStub(server_.channel());
  std::unique_ptr<v1::BlobService::Stub> blobs_ = v1::BlobService::NewStub(server_.channel());
  std::unique_ptr<v1::AdminService::Stub> admin_ = v1::AdminService::NewStub(server_.channel());
  std::unique_ptr<v1::RunFileService::Stub> files_ = v1::RunFileService::NewStub(server_.channel());
  std::string job_ = Submit();
};

TEST_F(Streams, EndWhenTheirTokenIsRevoked) {
  const v1::CreateTokenReply token = NewToken("ann", 3'600);
  const auto admin_call = server_.Call();
  server_.Become(token.token());
  Watch watch = Open();
  ASSERT_TRUE(Begins(watch));
  v1::RevokeTokenRequest revoke;
  revoke.set_token_id(token.token_id());
  revoke.set_request_id("revoke");
  v1::RevokeTokenReply revoked;
  ASSERT_TRUE(admin_->RevokeToken(admin_call.get(), revoke, &revoked).ok());
  const grpc::Status end = End(watch);
  EXPECT_EQ(end.error_code(), StatusCode::UNAUTHENTICATED) << end.error_message();
  EXPECT_EQ(ReasonOf(end), "REVOKED");
}

TEST_F(Streams, EndWhenTheirTokenExpires) {
  server_.Become(NewToken("ann", 2).token());
  Watch watch = Open();
  const grpc::Status end = End(watch);
  EXPECT_EQ(end.error_code(), StatusCode::UNAUTHENTICATED) << end.error_message();
  EXPECT_EQ(ReasonOf(end), "EXPIRED_TOKEN");
}

TEST_F(Streams, OfOneTokenAreBounded) {
  const std::string ann = NewToken("ann", 3'600).token();
  const std::string bob = NewToken("bob", 3'600).token();
  server_.Become(ann);
  Watch first = Open();
  Watch second = Open();
  ASSERT_TRUE(Begins(first) && Begins(second));
  Watch third = Open();
  const grpc::Status refused = End(third);
  EXPECT_EQ(refused.error_code(), StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(ReasonOf(refused), "TOO_MANY");
  EXPECT_NE(refused.error_message().find("max_streams"), std::string::npos);

  server_.Become(bob);
  Watch of_another = Open();
  EXPECT_TRUE(Begins(of_another));
  of_another.context->TryCancel();
  EXPECT_EQ(End(of_another).error_code(), StatusCode::CANCELLED);

  // Each that ends makes room for another.
  server_.Become(ann);
  first.context->TryCancel();
  End(first);
  Watch again = Open();
  while (!Begins(again)) {
    End(again);
    again = Open();
  }
  again.context->TryCancel();
  second.context->TryCancel();
  End(again);
  End(second);
}

TEST_F(Streams, RunFilesAreListedInPages) {
  const auto logs = server_.directory() / "runfiles" / "default" / job_ / "1";
  std::filesystem::create_directories(logs);
  for (const char* name : {"a", "b", "c"}) std::ofstream(logs / name) << name;
  v1::ListRunFilesRequest request;
  request.set_job_id(job_);
  request.set_attempt(1);
  request.set_page_size(2);
  v1::ListRunFilesReply first;
  ASSERT_TRUE(files_->ListRunFiles(server_.Call().get(), request, &first).ok());
  ASSERT_EQ(first.files_size(), 2);
  EXPECT_EQ(first.files(1).name(), "b");
  EXPECT_EQ(first.attempt(), 1U);
  request.set_page_token(first.next_page_token());
  v1::ListRunFilesReply second;
  ASSERT_TRUE(files_->ListRunFiles(server_.Call().get(), request, &second).ok());
  ASSERT_EQ(second.files_size(), 1);
  EXPECT_EQ(second.files(0).name(), "c");
  EXPECT_EQ(second.next_page_token(), "");

  request.set_page_size(1'001);
  EXPECT_EQ(files_->ListRunFiles(server_.Call().get(), request, &second).error_code(),
            StatusCode::INVALID_ARGUMENT);
}

}  // namespace
}  // namespace muster::server
