// An agent service on a loopback port, played by the test.
#pragma once

#include <grpcpp/create_channel.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "muster/v1/agent.grpc.pb.h"

namespace muster::agent {

class FakeServer final : public v1::AgentService::Service {
 public:
  using SessionStream = grpc::ServerReaderWriter<v1::ServerMessage, v1::AgentMessage>;

  FakeServer() { Start(0); }
  ~FakeServer() override { Stop(); }

  // On the same port as before.
  void Start() { Start(port_); }
  void Stop() {
    if (server_) server_->Shutdown(std::chrono::system_clock::now());
    server_.reset();
  }

  std::shared_ptr<grpc::Channel> Channel() const {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 10);
    arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 50);
    arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
    return grpc::CreateCustomChannel("127.0.0.1:" + std::to_string(port_),
                                     grpc::InsecureChannelCredentials(), arguments);
  }

  std::function<grpc::Status(SessionStream&)> on_session;
  std::function<grpc::Status(const v1::ReadBlobRequest&, grpc::ServerWriter<v1::ReadBlobChunk>&)>
      on_read_blob;
  std::function<grpc::Status(const v1::AppendRunFilesRequest&, v1::AppendRunFilesReply&)> on_append;
  std::function<grpc::Status(const v1::AppendTrackingRequest&, v1::AppendTrackingReply&)>
      on_tracking;
  std::function<grpc::Status(const v1::CallForAttemptRequest&, v1::CallForAttemptReply&)> on_call;

 private:
  grpc::Status Session(grpc::ServerContext*, SessionStream* stream) override {
    return on_session(*stream);
  }
  grpc::Status ReadBlob(grpc::ServerContext*, const v1::ReadBlobRequest* request,
                        grpc::ServerWriter<v1::ReadBlobChunk>* writer) override {
    return on_read_blob(*request, *writer);
  }
  grpc::Status AppendRunFiles(grpc::ServerContext*, const v1::AppendRunFilesRequest* request,
                              v1::AppendRunFilesReply* reply) override {
    return on_append(*request, *reply);
  }
  grpc::Status AppendTracking(grpc::ServerContext*, const v1::AppendTrackingRequest* request,
                              v1::AppendTrackingReply* reply) override {
    return on_tracking(*request, *reply);
  }
  grpc::Status CallForAttempt(grpc::ServerContext*, const v1::CallForAttemptRequest* request,
                              v1::CallForAttemptReply* reply) override {
    return on_call(*request, *reply);
  }

  void Start(int port) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:" + std::to_string(port), grpc::InsecureServerCredentials(),
                             &port_);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
  }

  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace muster::agent
