// Reads what a call shows out of its metadata and its connection.
#pragma once

#include <grpc/grpc_security_constants.h>
#include <grpcpp/security/auth_context.h>
#include <grpcpp/support/string_ref.h>

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/digest.h"
#include "security/key_fingerprints.h"
#include "server/auth/authenticator.h"

namespace muster::server {

// Views into `metadata` and copies from `connection`: must not outlive the call.
class CallCredentials {
 public:
  using Metadata = std::multimap<grpc::string_ref, grpc::string_ref>;

  CallCredentials(const Metadata& metadata, const grpc::AuthContext& connection,
                  security::KeyFingerprints& keys);
  CallCredentials(const CallCredentials&) = delete;
  CallCredentials& operator=(const CallCredentials&) = delete;

  // Full name as in ":path"; empty where gRPC does not show it (in handlers).
  std::string_view method() const { return method_; }
  // More than one authorization: which of them counts must not depend on who looks.
  bool ambiguous() const { return ambiguous_; }
  Credentials view() const { return {authorization_, certificate_key_, common_name_}; }

 private:
  std::string_view method_;
  std::string_view authorization_;
  std::optional<Digest> certificate_key_;
  std::string common_name_;
  bool ambiguous_ = false;
};

}  // namespace muster::server
