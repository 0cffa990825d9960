// The single choke point of the port: every call, of every service, known or not, passes here
// before any handler runs. Decides who calls (token or node certificate) and whether that role may
// call this method (rpc_roles.h, default deny).
#pragma once

#include <grpcpp/security/auth_metadata_processor.h>

#include <chrono>
#include <optional>
#include <string_view>

#include "base/digest.h"
#include "base/log_gate.h"
#include "base/result.h"
#include "base/time.h"
#include "scheduler/model/command.h"
#include "server/auth/identities.h"

namespace muster::server {

// What a call shows. Views are of the call's own data.
struct Credentials {
  std::string_view authorization;         // value of the metadata; empty: none
  std::optional<Digest> certificate_key;  // fingerprint; of the TLS peer, verified against our CA
  std::string_view certificate_common_name;
};

// Who that is. A token goes before a certificate. UNAUTHENTICATED (kBadToken, kExpiredToken,
// kRevoked); that a token has expired or was revoked is told only to who knows its secret. No
// message holds a secret.
Result<scheduler::Principal> Authenticate(const Credentials& credentials,
                                          const Identities& identities, TimePoint now);

// Whether one that was authenticated before would be so now; for streams that go on for long.
Status CheckIdentity(const scheduler::Principal& principal, const Identities& identities,
                     TimePoint now);

// PERMISSION_DENIED (kWrongRole), or UNIMPLEMENTED for a method that is not in the table.
Status Authorize(const scheduler::Principal& principal, std::string_view method);

// Runs inline on gRPC's threads; no I/O but one log line a second at most.
class Authenticator final : public grpc::AuthMetadataProcessor {
 public:
  // `identities` must outlive the server.
  explicit Authenticator(const IdentitiesHolder& identities) : identities_(identities) {}

  bool IsBlocking() const override { return false; }
  grpc::Status Process(const InputMetadata& metadata, grpc::AuthContext* connection,
                       OutputMetadata* consumed, OutputMetadata* response) override;

 private:
  void LogRefusal(const Error& error, std::string_view method);

  const IdentitiesHolder& identities_;
  LogGate log_gate_{std::chrono::seconds(1)};
};

}  // namespace muster::server
