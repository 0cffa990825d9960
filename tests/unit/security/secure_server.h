// A server on the loopback behind our port (AddSecurePort), with one identity for each role, and
// clients of it.
#pragma once

#include <grpcpp/grpcpp.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/check.h"
#include "muster/v1/admin.grpc.pb.h"
#include "security/pki.h"
#include "security/tls_policy.h"
#include "security/token.h"
#include "server/auth/identities.h"
#include "server/auth/server_credentials.h"

namespace muster::server {

inline const std::vector<scheduler::Role> kTokenRoles = {
    scheduler::Role::kAdmin, scheduler::Role::kUser, scheduler::Role::kViewer,
    scheduler::Role::kAttempt, scheduler::Role::kJoin};

class SecureServer {
 public:
  explicit SecureServer(const std::vector<grpc::Service*>& services,
                        grpc::CallbackGenericService* generic = nullptr)
      : now_(ReadClock().wall),
        ca_(*security::CreateCa(now_)),
        certificate_(*security::IssueServerCertificate(ca_, {}, now_)),
        node_key_(*security::CreateKeyAndRequest()) {
    node_certificate_ =
        *security::IssueNodeCertificate(ca_, NodeId("n1"), node_key_.signing_request_pem, now_);
    for (const scheduler::Role role : kTokenRoles) AddToken(role);
    scheduler::Node node;
    node.id = NodeId("n1");
    node.pool = {WorkspaceName("default"), PoolName("cpu")};
    node.certificate_fingerprint = *security::KeyFingerprintOf(node_certificate_);
    state_.nodes[node.id] = node;
    Publish();

    grpc::ServerBuilder builder;
    AddSecurePort(builder, "127.0.0.1:0", certificate_, ca_.certificate_pem, identities_, &port_);
    for (grpc::Service* service : services) builder.RegisterService(service);
    if (services.empty() && generic == nullptr) builder.RegisterService(&unimplemented_);
    if (generic != nullptr) builder.RegisterCallbackGenericService(generic);
    server_ = builder.BuildAndStart();
    MUSTER_CHECK(server_ != nullptr && port_ != 0);
  }
  ~SecureServer() { server_->Shutdown(std::chrono::system_clock::now()); }
  SecureServer(const SecureServer&) = delete;
  SecureServer& operator=(const SecureServer&) = delete;

  scheduler::State& state() { return state_; }
  void Publish() { identities_.Publish(MakeIdentities(state_)); }

  std::string target() const { return "127.0.0.1:" + std::to_string(port_); }
  const security::KeyAndCertificate& ca() const { return ca_; }
  const std::string& node_key_pem() const { return node_key_.key_pem; }
  const std::string& node_certificate_pem() const { return node_certificate_; }

  TokenId TokenOf(scheduler::Role role) const { return tokens_.at(role); }
  std::string AuthorizationOf(scheduler::Role role) const {
    const TokenId& id = tokens_.at(role);
    return security::AuthorizationValue(
        security::FormatBearer({id, security::DeriveSecret("key", id)}));
  }

  // Each call makes a connection of its own.
  std::shared_ptr<grpc::Channel> Connect() const { return Connect({"", ""}); }
  std::shared_ptr<grpc::Channel> ConnectAsNode() const {
    return Connect({node_key_.key_pem, node_certificate_});
  }
  std::shared_ptr<grpc::Channel> Connect(const security::KeyAndCertificate& identity) const {
    grpc::SslCredentialsOptions options;
    options.pem_root_certs = ca_.certificate_pem;
    options.pem_private_key = identity.key_pem;
    options.pem_cert_chain = identity.certificate_pem;
    grpc::ChannelArguments arguments;
    arguments.SetSslTargetNameOverride(security::kServerName);
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    return grpc::CreateCustomChannel(target(), grpc::SslCredentials(options), arguments);
  }

 private:
  void AddToken(scheduler::Role role) {
    scheduler::Token token;
    token.id = security::DeriveTokenId("key", WorkspaceName("default"),
                                       std::to_string(static_cast<int>(role)));
    token.workspace = WorkspaceName("default");
    token.user = UserName("user-" + std::to_string(static_cast<int>(role)));
    token.role = role;
    token.pool = PoolName("cpu");
    token.secret_hash = security::HashSecret(security::DeriveSecret("key", token.id));
    token.expires = now_ + std::chrono::hours(1);
    tokens_[role] = token.id;
    state_.tokens[token.id] = token;
  }

  muster::v1::AdminService::CallbackService unimplemented_;
  TimePoint now_;
  security::KeyAndCertificate ca_;
  security::KeyAndCertificate certificate_;
  security::KeyAndRequest node_key_;
  std::string node_certificate_;
  scheduler::State state_;
  std::map<scheduler::Role, TokenId> tokens_;
  IdentitiesHolder identities_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

// TLS policy before anything of gRPC exists; a static of this is in each test program.
struct TlsPolicyApplied {
  TlsPolicyApplied() { security::ApplyTlsPolicy(); }
};

}  // namespace muster::server
