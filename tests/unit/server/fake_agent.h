// A node that joined a RunningServer, and its session, played by the test.
#pragma once

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/check.h"
#include "muster/v1/agent.grpc.pb.h"
#include "security/pki.h"
#include "tests/unit/server/running_server.h"

namespace muster::server {

class FakeAgent {
 public:
  // What it does with a question: the answer to send, or nothing.
  using OnCheckPaths = std::function<std::optional<v1::PathsChecked>(const v1::CheckPaths&)>;

  // Joins, and returns once the server has welcomed it.
  FakeAgent(const RunningServer& server, const std::string& node, OnCheckPaths on_check_paths)
      : on_check_paths_(std::move(on_check_paths)) {
    const auto key = *security::CreateKeyAndRequest();
    stub_ = v1::AgentService::NewStub(server.Connect(key.key_pem, Join(server, node, key)));
    stream_ = stub_->Session(&context_);
    v1::AgentMessage hello;
    *hello.mutable_hello()->mutable_facts() = Facts();
    hello.mutable_hello()->set_incarnation("fake");
    MUSTER_CHECK(stream_->Write(hello));
    v1::ServerMessage welcome;
    MUSTER_CHECK(stream_->Read(&welcome) && welcome.has_welcome());
    reader_ = std::thread([this] { Run(); });
  }
  ~FakeAgent() {
    context_.TryCancel();
    reader_.join();
  }

  // Says it now; the server need not have asked.
  void Say(const v1::PathsChecked& checked) {
    const std::lock_guard lock(mutex_);
    Write(checked);
  }
  void Say(const v1::Report& report) {
    v1::AgentMessage message;
    *message.mutable_report() = report;
    const std::lock_guard lock(mutex_);
    stream_->Write(message);
  }
  // How the server has ended the session; OK if it does not within 20 s.
  grpc::Status WaitForEnd() {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::seconds(20), [&] { return end_.has_value(); });
    return end_.value_or(grpc::Status::OK);
  }
  void WaitForQuestions(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return questions_.size() >= count; });
  }
  v1::AgentService::Stub& stub() { return *stub_; }
  std::vector<v1::CheckPaths> questions() const {
    const std::lock_guard lock(mutex_);
    return questions_;
  }

 private:
  static v1::NodeFacts Facts() {
    v1::NodeFacts facts;
    facts.set_host_name("fake");
    facts.set_address("127.0.0.1");
    facts.set_slots(1);
    facts.set_boot_id("boot");
    return facts;
  }
  // The certificate.
  static std::string Join(const RunningServer& server, const std::string& node,
                          const security::KeyAndRequest& key) {
    const auto token = *security::ReadSecretFile(server.directory() / "join.token");
    grpc::ClientContext context;
    context.AddMetadata(
        security::kAuthorizationKey,
        security::AuthorizationValue(security::BearerOf(*security::ParseToken(token))));
    v1::EnrollRequest request;
    request.set_node_id(node);
    request.set_signing_request_pem(key.signing_request_pem);
    *request.mutable_facts() = Facts();
    v1::EnrollReply reply;
    const grpc::Status joined =
        v1::AgentService::NewStub(server.channel())->Enroll(&context, request, &reply);
    MUSTER_CHECK(joined.ok(), joined.error_message());
    return reply.certificate_pem();
  }

  void Run() {
    v1::ServerMessage message;
    while (stream_->Read(&message)) {
      if (!message.has_check_paths()) continue;
      const std::optional<v1::PathsChecked> answer = on_check_paths_(message.check_paths());
      const std::lock_guard lock(mutex_);
      questions_.push_back(message.check_paths());
      changed_.notify_all();
      if (answer) Write(*answer);
    }
    const grpc::Status end = stream_->Finish();
    const std::lock_guard lock(mutex_);
    end_ = end;
    changed_.notify_all();
  }
  // The lock is held.
  void Write(const v1::PathsChecked& checked) {
    v1::AgentMessage message;
    *message.mutable_paths_checked() = checked;
    stream_->Write(message);
  }

  const OnCheckPaths on_check_paths_;
  grpc::ClientContext context_;
  std::unique_ptr<v1::AgentService::Stub> stub_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::AgentMessage, v1::ServerMessage>> stream_;
  mutable std::mutex mutex_;  // what follows, and writes
  std::condition_variable changed_;
  std::vector<v1::CheckPaths> questions_;
  std::optional<grpc::Status> end_;
  std::thread reader_;
};

}  // namespace muster::server
