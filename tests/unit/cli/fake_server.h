// A server that speaks TLS and answers as a test scripts it, and the login of a client to it.
#pragma once

#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <cstdlib>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "cli/config.h"
#include "muster/v1/files.grpc.pb.h"
#include "muster/v1/jobs.grpc.pb.h"
#include "security/pki.h"
#include "tests/unit/cli/scratch.h"

namespace muster::cli {

// Scripts run on gRPC's threads, one call at a time. What was asked is kept in order.
class FakeServer {
 public:
  FakeServer() {
    const TimePoint now = ReadClock().wall;
    ca_ = *security::CreateCa(now);
    certificate_ = *security::IssueServerCertificate(ca_, {}, now);
    Start();
    Config config{"127.0.0.1:" + std::to_string(port_), "default", "0123456789abcdef.secret",
                  ca_.certificate_pem};
    const auto path = scratch_.Path("config.json");
    if (SaveConfig(path, config)) setenv("MUSTER_CONFIG", path.c_str(), 1);
  }
  ~FakeServer() { Stop(); }

  void Start() {
    grpc::SslServerCredentialsOptions tls;
    tls.pem_key_cert_pairs.push_back({certificate_.key_pem, certificate_.certificate_pem});
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:" + std::to_string(port_), grpc::SslServerCredentials(tls),
                             &port_);
    builder.RegisterService(&jobs_);
    builder.RegisterService(&run_files_);
    builder.RegisterService(&blobs_);
    server_ = builder.BuildAndStart();
  }
  void Stop() {
    server_->Shutdown(std::chrono::system_clock::now());
    server_.reset();
  }

  const Scratch& scratch() const { return scratch_; }

  muster::v1::Job job;
  std::function<grpc::Status(const muster::v1::SubmitJobRequest&, std::string& job_id)> on_submit;
  std::function<grpc::Status(const muster::v1::WatchJobsRequest&,
                             grpc::ServerWriter<muster::v1::JobEvent>&)>
      on_watch;
  std::function<grpc::Status(const muster::v1::ReadRunFileRequest&,
                             grpc::ServerWriter<muster::v1::RunFileChunk>&)>
      on_read;

  std::vector<muster::v1::SubmitJobRequest> submits;
  std::vector<muster::v1::WatchJobsRequest> watches;
  std::vector<muster::v1::ReadRunFileRequest> reads;
  std::vector<muster::v1::ListRunFilesRequest> lists;
  std::vector<std::string> run_files = {"azureml-logs/65_job_prep-n1.txt"};
  std::vector<std::string> authorizations;
  std::string uploaded;
  muster::v1::BlobHeader upload_header;

 private:
  struct Jobs final : muster::v1::JobService::Service {
    explicit Jobs(FakeServer& owner) : server(owner) {}
    grpc::Status GetJob(grpc::ServerContext* context, const muster::v1::GetJobRequest*,
                        muster::v1::GetJobReply* reply) override {
      const std::lock_guard lock(server.mutex_);
      const auto found = context->client_metadata().find("authorization");
      server.authorizations.emplace_back(found->second.data(), found->second.size());
      *reply->mutable_job() = server.job;
      return {};
    }
    grpc::Status SubmitJob(grpc::ServerContext*, const muster::v1::SubmitJobRequest* request,
                           muster::v1::SubmitJobReply* reply) override {
      const std::lock_guard lock(server.mutex_);
      server.submits.push_back(*request);
      return server.on_submit(*request, *reply->mutable_job_id());
    }
    grpc::Status WatchJobs(grpc::ServerContext*, const muster::v1::WatchJobsRequest* request,
                           grpc::ServerWriter<muster::v1::JobEvent>* writer) override {
      const std::lock_guard lock(server.mutex_);
      server.watches.push_back(*request);
      return server.on_watch(*request, *writer);
    }
    FakeServer& server;
  };

  struct RunFiles final : muster::v1::RunFileService::Service {
    explicit RunFiles(FakeServer& owner) : server(owner) {}
    grpc::Status ReadRunFile(grpc::ServerContext*, const muster::v1::ReadRunFileRequest* request,
                             grpc::ServerWriter<muster::v1::RunFileChunk>* writer) override {
      const std::lock_guard lock(server.mutex_);
      server.reads.push_back(*request);
      return server.on_read(*request, *writer);
    }
    // One file a page.
    grpc::Status ListRunFiles(grpc::ServerContext*, const muster::v1::ListRunFilesRequest* request,
                              muster::v1::ListRunFilesReply* reply) override {
      const std::lock_guard lock(server.mutex_);
      server.lists.push_back(*request);
      const std::size_t page = std::min(server.lists.size(), server.run_files.size()) - 1;
      reply->add_files()->set_name(server.run_files[page]);
      reply->set_attempt(3);
      if (page + 1 < server.run_files.size()) {
        reply->set_next_page_token("page " + std::to_string(page + 1));
      }
      return {};
    }
    FakeServer& server;
  };

  struct Blobs final : muster::v1::BlobService::Service {
    explicit Blobs(FakeServer& owner) : server(owner) {}
    grpc::Status FindMissingBlobs(grpc::ServerContext*,
                                  const muster::v1::FindMissingBlobsRequest* request,
                                  muster::v1::FindMissingBlobsReply* reply) override {
      if (server.uploaded.empty()) *reply->mutable_missing_digests() = request->digests();
      return {};
    }
    grpc::Status UploadBlob(grpc::ServerContext*,
                            grpc::ServerReader<muster::v1::UploadBlobRequest>* reader,
                            muster::v1::UploadBlobReply*) override {
      muster::v1::UploadBlobRequest request;
      while (reader->Read(&request)) {
        if (request.has_header()) server.upload_header = request.header();
        server.uploaded += request.chunk();
      }
      return {};
    }
    FakeServer& server;
  };

  Scratch scratch_;
  security::KeyAndCertificate ca_, certificate_;
  std::mutex mutex_;
  Jobs jobs_{*this};
  RunFiles run_files_{*this};
  Blobs blobs_{*this};
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace muster::cli
