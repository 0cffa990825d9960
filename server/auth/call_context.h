// Hands the caller's identity from the authenticator to the handlers. gRPC's AuthContext belongs to
// the connection, which carries calls of several tokens at once, and may not be changed while
// others read it; so the identity is looked up from the call's own metadata, through the context of
// the call.
#pragma once

#include <grpcpp/server_context.h>

#include "server/auth/identities.h"

namespace muster::server {

// The context of every callback-API call of our server; PrincipalOf(context) needs it.
class CallContext final : public grpc::CallbackServerContext {
 public:
  explicit CallContext(const IdentitiesHolder& identities) : identities_(identities) {}

  const IdentitiesHolder& identities() const { return identities_; }

 private:
  const IdentitiesHolder& identities_;
};

class CallContextAllocator final : public grpc::ContextAllocator {
 public:
  // `identities` must outlive the server.
  explicit CallContextAllocator(const IdentitiesHolder& identities) : identities_(identities) {}

  grpc::CallbackServerContext* NewCallbackServerContext() override {
    return new CallContext(identities_);
  }
  // gRPC also shows it contexts that it has made itself (of generic services), and frees those.
  void Release(grpc::CallbackServerContext* context) override {
    delete dynamic_cast<CallContext*>(context);
  }

 private:
  const IdentitiesHolder& identities_;
};

}  // namespace muster::server
