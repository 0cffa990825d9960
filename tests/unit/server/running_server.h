// A whole server on the loopback, with its state in a directory of its own, and clients of it.
#pragma once

#include <grpcpp/grpcpp.h>

#include <filesystem>
#include <memory>
#include <string>

#include "base/check.h"
#include "muster/v1/common.pb.h"
#include "security/pki.h"
#include "security/secret_file.h"
#include "security/tls_policy.h"
#include "security/token.h"
#include "server/server.h"
#include "tests/unit/security/temporary_directory.h"

namespace muster::server {

class RunningServer {
 public:
  explicit RunningServer(std::uint64_t disk_reserve_bytes = 0, RpcLimits limits = {}) {
    security::ApplyTlsPolicy();
    ServerConfig config;
    config.state_dir = directory_.path();
    config.listen = "127.0.0.1:0";
    config.disk_reserve_bytes = disk_reserve_bytes;
    config.rpc = limits;
    auto server = Server::Start(config);
    MUSTER_CHECK(server.has_value(), server.error().message);
    server_ = std::move(*server);
    bearer_ = BearerIn(Read("admin.token"));
    channel_ = Connect("", "");
  }

  // With a node's key and certificate, or none.
  std::shared_ptr<grpc::Channel> Connect(const std::string& key_pem,
                                         const std::string& certificate_pem) const {
    grpc::SslCredentialsOptions options;
    options.pem_root_certs = Read("pki/ca.crt");
    options.pem_private_key = key_pem;
    options.pem_cert_chain = certificate_pem;
    grpc::ChannelArguments arguments;
    arguments.SetSslTargetNameOverride(security::kServerName);
    std::string address = Read("address");
    address.pop_back();  // the end of the line
    return grpc::CreateCustomChannel(address, grpc::SslCredentials(options), arguments);
  }

  std::string database_path() const { return directory_.path() / "state.db"; }
  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }
  std::filesystem::path directory() const { return directory_.path(); }
  // Who calls from now on; the administrator at first.
  void Become(const std::string& token) { bearer_ = BearerIn(token); }
  std::unique_ptr<grpc::ClientContext> Call() const {
    auto context = std::make_unique<grpc::ClientContext>();
    context->AddMetadata(security::kAuthorizationKey, security::AuthorizationValue(bearer_));
    context->set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    return context;
  }

 private:
  std::string Read(const std::string& name) const {
    return *security::ReadSecretFile(directory_.path() / name);
  }
  static std::string BearerIn(const std::string& token) {
    return security::BearerOf(*security::ParseToken(token));
  }

  TemporaryDirectory directory_;
  std::unique_ptr<Server> server_;
  std::string bearer_;
  std::shared_ptr<grpc::Channel> channel_;
};

inline std::string ReasonOf(const grpc::Status& status) {
  muster::v1::ErrorDetail detail;
  detail.ParseFromString(status.error_details());
  return detail.reason();
}

}  // namespace muster::server
