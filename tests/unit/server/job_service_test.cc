// The clients' calls about jobs, over TLS, against a whole server.
#include <gtest/gtest.h>

#include "base/digest.h"
#include "muster/v1/admin.grpc.pb.h"
#include "muster/v1/files.grpc.pb.h"
#include "muster/v1/jobs.grpc.pb.h"
#include "storage/sqlite/connection.h"
#include "tests/unit/server/running_server.h"

namespace muster::server {
namespace {

using grpc::StatusCode;

class JobCalls : public ::testing::Test {
 protected:
  void Upload(const std::string& content) {
    v1::UploadBlobReply reply;
    const auto context = server_.Call();
    const auto stream = blobs_->UploadBlob(context.get(), &reply);
    v1::UploadBlobRequest request;
    request.mutable_header()->set_digest(Sha256(content).Hex());
    request.mutable_header()->set_size_bytes(content.size());
    stream->Write(request);
    request.set_chunk(content);
    stream->Write(request);
    stream->WritesDone();
    const grpc::Status status = stream->Finish();
    ASSERT_TRUE(status.ok()) << status.error_message();
  }

  // A job that waits: there is no node.
  std::string Submit() {
    Upload("source");
    v1::SubmitJobRequest request;
    request.mutable_spec()->set_experiment("digits");
    request.mutable_spec()->set_script("train.py");
    request.mutable_spec()->set_snapshot_digest(Sha256("source").Hex());
    request.set_request_id("submit");
    v1::SubmitJobReply reply;
    const grpc::Status status = jobs_->SubmitJob(server_.Call().get(), request, &reply);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return reply.job_id();
  }

  grpc::Status Cancel(const std::string& job, const std::string& request_id,
                      v1::CancelJobReply* reply) {
    v1::CancelJobRequest request;
    request.set_job_id(job);
    request.set_request_id(request_id);
    return jobs_->CancelJob(server_.Call().get(), request, reply);
  }

  std::string TokenOfAnotherUser() {
    v1::CreateTokenRequest request;
    request.set_user("other");
    request.set_role(v1::ROLE_USER);
    request.set_request_id("token");
    v1::CreateTokenReply reply;
    const auto admin = v1::AdminService::NewStub(server_.channel());
    EXPECT_TRUE(admin->CreateToken(server_.Call().get(), request, &reply).ok());
    return reply.token();
  }

  RunningServer server_;
  std::unique_ptr<v1::JobService::Stub> jobs_ = v1::JobService::NewStub(server_.channel());
  std::unique_ptr<v1::BlobService::Stub> blobs_ = v1::BlobService::NewStub(server_.channel());
};

TEST_F(JobCalls, CancelingAJobThatHasEndedTellsItsStatus) {
  const std::string job = Submit();
  v1::CancelJobReply reply;
  ASSERT_TRUE(Cancel(job, "first", &reply).ok());
  EXPECT_EQ(reply.status(), v1::JOB_STATUS_CANCELED);
  reply.Clear();
  const grpc::Status again = Cancel(job, "second", &reply);
  ASSERT_TRUE(again.ok()) << again.error_message();
  EXPECT_EQ(reply.status(), v1::JOB_STATUS_CANCELED);

  const grpc::Status unknown = Cancel("digits_1_00000000", "third", &reply);
  EXPECT_EQ(unknown.error_code(), StatusCode::NOT_FOUND);
  EXPECT_EQ(ReasonOf(unknown), "UNKNOWN_JOB");
}

TEST_F(JobCalls, CancelingAnEndedJobOfAnotherUserIsRefusedAsOfALiveOne) {
  const std::string job = Submit();
  const std::string other = TokenOfAnotherUser();
  v1::CancelJobReply reply;
  ASSERT_TRUE(Cancel(job, "first", &reply).ok());
  server_.Become(other);
  EXPECT_EQ(Cancel(job, "second", &reply).error_code(), StatusCode::PERMISSION_DENIED);
}

TEST_F(JobCalls, AWorkspaceThatIsNotThereIsToldNotShownAsEmpty) {
  v1::ListJobsRequest list;
  v1::ListJobsReply jobs;
  EXPECT_TRUE(jobs_->ListJobs(server_.Call().get(), list, &jobs).ok());
  list.set_workspace("nowhere");
  EXPECT_EQ(ReasonOf(jobs_->ListJobs(server_.Call().get(), list, &jobs)), "UNKNOWN_WORKSPACE");

  v1::FindMissingBlobsRequest find;
  find.set_workspace("nowhere");
  v1::FindMissingBlobsReply missing;
  EXPECT_EQ(ReasonOf(blobs_->FindMissingBlobs(server_.Call().get(), find, &missing)),
            "UNKNOWN_WORKSPACE");

  v1::WatchJobsRequest watch;
  watch.set_workspace("nowhere");
  const auto context = server_.Call();
  const auto stream = jobs_->WatchJobs(context.get(), watch);
  v1::JobEvent event;
  EXPECT_FALSE(stream->Read(&event));
  EXPECT_EQ(ReasonOf(stream->Finish()), "UNKNOWN_WORKSPACE");
}

TEST_F(JobCalls, AMillionNamesOfOneStatusAreOneFilter) {
  const std::string job = Submit();
  v1::ListJobsRequest request;
  for (int i = 0; i < 1'000'000; ++i) request.add_statuses(v1::JOB_STATUS_QUEUED);
  v1::ListJobsReply reply;
  const grpc::Status status = jobs_->ListJobs(server_.Call().get(), request, &reply);
  ASSERT_TRUE(status.ok()) << status.error_message().substr(0, 200);
  ASSERT_EQ(reply.jobs_size(), 1);
  EXPECT_EQ(reply.jobs(0).id(), job);
}

TEST_F(JobCalls, WhatTheDatabaseSaysOfItselfIsForTheLogAlone) {
  const std::string job = Submit();
  auto database =
      storage::Connection::Open(server_.database_path(), storage::Connection::Mode::kReadWrite);
  ASSERT_TRUE(database && database->Execute("DROP TABLE attempts"));
  v1::GetJobRequest request;
  request.set_job_id(job);
  v1::GetJobReply reply;
  const grpc::Status status = jobs_->GetJob(server_.Call().get(), request, &reply);
  EXPECT_EQ(status.error_code(), StatusCode::INTERNAL);
  EXPECT_EQ(status.error_message(), "the server could not read its state; its log says more");
}

TEST(FirstStart, BelowTheReserveServesAndRefusesNewWork) {
  const RunningServer server(std::uint64_t{1} << 60);
  v1::CreateTokenRequest request;
  request.set_user("someone");
  request.set_role(v1::ROLE_USER);
  request.set_request_id("token");
  v1::CreateTokenReply reply;
  const auto admin = v1::AdminService::NewStub(server.channel());
  EXPECT_EQ(ReasonOf(admin->CreateToken(server.Call().get(), request, &reply)), "DISK_RESERVE");
}

}  // namespace
}  // namespace muster::server
