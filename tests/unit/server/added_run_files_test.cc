// Files that clients add to runs, over TLS, against a whole server.
#include <gtest/gtest.h>

#include "base/digest.h"
#include "muster/v1/admin.grpc.pb.h"
#include "muster/v1/files.grpc.pb.h"
#include "muster/v1/jobs.grpc.pb.h"
#include "muster/v1/tracking.grpc.pb.h"
#include "tests/unit/server/running_server.h"

namespace muster::server {
namespace {

using grpc::StatusCode;
using Files = std::vector<std::pair<std::string, std::string>>;  // name -> digest

class AddedFiles : public ::testing::Test {
 protected:
  AddedFiles() {
    v1::CreateRunsRequest request;
    request.set_request_id("runs");
    v1::NewRun& run = *request.add_runs();
    run.set_id("run1");
    run.set_experiment("digits");
    v1::CreateRunsReply reply;
    const auto runs = v1::TrackingService::NewStub(server_.channel());
    EXPECT_TRUE(runs->CreateRuns(server_.Call().get(), request, &reply).ok());
  }

  std::string Upload(const std::string& content) {
    v1::UploadBlobReply uploaded;
    const auto context = server_.Call();
    const auto stream = blobs_->UploadBlob(context.get(), &uploaded);
    v1::UploadBlobRequest part;
    part.mutable_header()->set_digest(Sha256(content).Hex());
    part.mutable_header()->set_size_bytes(content.size());
    stream->Write(part);
    part.set_chunk(content);
    stream->Write(part);
    stream->WritesDone();
    EXPECT_TRUE(stream->Finish().ok());
    return Sha256(content).Hex();
  }
  // A job that waits: there is no node.
  std::string Submit() {
    v1::SubmitJobRequest request;
    request.mutable_spec()->set_experiment("digits");
    request.mutable_spec()->set_script("train.py");
    request.mutable_spec()->set_snapshot_digest(Upload("source"));
    request.set_request_id("submit");
    v1::SubmitJobReply reply;
    const auto jobs = v1::JobService::NewStub(server_.channel());
    EXPECT_TRUE(jobs->SubmitJob(server_.Call().get(), request, &reply).ok());
    return reply.job_id();
  }
  void BecomeUser(const std::string& user) {
    v1::CreateTokenRequest request;
    request.set_user(user);
    request.set_role(v1::ROLE_USER);
    request.set_request_id("token of " + user);
    v1::CreateTokenReply reply;
    const auto admin = v1::AdminService::NewStub(server_.channel());
    EXPECT_TRUE(admin->CreateToken(server_.Call().get(), request, &reply).ok());
    server_.Become(reply.token());
  }
  grpc::Status Add(const std::string& run, const Files& added) {
    v1::AddRunFilesRequest request;
    request.set_run_id(run);
    for (const auto& [name, digest] : added) {
      v1::NewRunFile& file = *request.add_files();
      file.set_name(name);
      file.set_digest(digest);
    }
    v1::AddRunFilesReply reply;
    return files_->AddRunFiles(server_.Call().get(), request, &reply);
  }
  // The names on all pages.
  std::vector<std::string> List(const std::string& run, std::uint32_t page_size = 0) {
    std::vector<std::string> names;
    v1::ListRunFilesRequest request;
    request.set_job_id(run);
    request.set_page_size(page_size);
    v1::ListRunFilesReply reply;
    do {
      request.set_page_token(reply.next_page_token());
      reply.Clear();
      const grpc::Status status = files_->ListRunFiles(server_.Call().get(), request, &reply);
      EXPECT_TRUE(status.ok()) << status.error_message();
      for (const v1::RunFile& file : reply.files()) names.push_back(file.name());
    } while (!reply.next_page_token().empty());
    return names;
  }
  std::pair<grpc::Status, std::string> Read(const std::string& run, const std::string& name,
                                            bool follow = false) {
    v1::ReadRunFileRequest request;
    request.set_job_id(run);
    request.set_name(name);
    request.set_follow(follow);
    const auto context = server_.Call();
    const auto stream = files_->ReadRunFile(context.get(), request);
    std::string content;
    v1::RunFileChunk chunk;
    while (stream->Read(&chunk)) content += chunk.data();
    return {stream->Finish(), content};
  }

  RunningServer server_;
  std::unique_ptr<v1::BlobService::Stub> blobs_ = v1::BlobService::NewStub(server_.channel());
  std::unique_ptr<v1::RunFileService::Stub> files_ = v1::RunFileService::NewStub(server_.channel());
};

TEST_F(AddedFiles, OfATrackedRunAreListedAndRead) {
  const std::string content(700'000, 'x');
  ASSERT_TRUE(Add("run1", {{"outputs/b", Upload(content)}, {"a", Upload("1")}}).ok());
  ASSERT_TRUE(Add("run1", {{"c", Upload("3")}}).ok());
  EXPECT_EQ(List("run1", 2), (std::vector<std::string>{"a", "c", "outputs/b"}));
  EXPECT_EQ(Read("run1", "outputs/b").second, content);
  EXPECT_EQ(Read("run1", "d").first.error_code(), StatusCode::NOT_FOUND);
}

TEST_F(AddedFiles, OfAJobAreThereBeforeItsFirstAttempt) {
  const std::string job = Submit();
  ASSERT_TRUE(Add(job, {{"notes.txt", Upload("hello")}}).ok());
  EXPECT_EQ(List(job), std::vector<std::string>{"notes.txt"});
  const auto [status, content] = Read(job, "notes.txt", /*follow=*/true);
  EXPECT_TRUE(status.ok()) << "whole at once: nothing to wait for";
  EXPECT_EQ(content, "hello");
}

TEST_F(AddedFiles, AreAddedAgainWithoutHarmAndNeverReplaced) {
  ASSERT_TRUE(Add("run1", {{"a", Upload("1")}}).ok());
  EXPECT_TRUE(Add("run1", {{"a", Upload("1")}}).ok());
  EXPECT_EQ(Add("run1", {{"a", Upload("2")}}).error_code(), StatusCode::ALREADY_EXISTS);
  EXPECT_EQ(Read("run1", "a").second, "1");
}

TEST_F(AddedFiles, FaultsAreListedTogetherAndNothingIsAdded) {
  const grpc::Status status =
      Add("run1", {{"../a", Upload("1")}, {"b", "no digest"}, {"c", Upload("1")}, {"c", "0"}});
  ASSERT_EQ(status.error_code(), StatusCode::INVALID_ARGUMENT);
  v1::ErrorDetail detail;
  detail.ParseFromString(status.error_details());
  std::vector<std::string> fields;
  for (const auto& fault : detail.faults()) fields.push_back(fault.field());
  EXPECT_EQ(fields, (std::vector<std::string>{"files[0].name", "files[1].digest", "files[3].name",
                                              "files[3].digest"}));
  EXPECT_EQ(Add("run1", {}).error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_TRUE(List("run1").empty());
}

TEST_F(AddedFiles, UnknownRunsAndBlobsAreTold) {
  EXPECT_EQ(ReasonOf(Add("nobody", {{"a", Upload("1")}})), "UNKNOWN_RUN");
  EXPECT_EQ(ReasonOf(Add("run1", {{"a", Sha256("never sent").Hex()}})), "UNKNOWN_BLOB");
  v1::ListRunFilesRequest request;
  request.set_job_id("nobody");
  v1::ListRunFilesReply reply;
  EXPECT_EQ(ReasonOf(files_->ListRunFiles(server_.Call().get(), request, &reply)), "UNKNOWN_RUN");
}

TEST_F(AddedFiles, OfOthersRunsAreRefused) {
  const std::string job = Submit();
  BecomeUser("bob");
  for (const std::string& run : {job, std::string("run1")}) {
    EXPECT_EQ(Add(run, {{"a", Upload("1")}}).error_code(), StatusCode::PERMISSION_DENIED) << run;
  }
}

}  // namespace
}  // namespace muster::server
