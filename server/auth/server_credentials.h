// Opens a port the only way we open one: TLS, a verified client certificate if there is one, every
// call through the authenticator.
#pragma once

#include <grpcpp/server_builder.h>

#include <string>

#include "security/pki.h"
#include "server/auth/identities.h"

namespace muster::server {

// Adds `address` ("host:port") as a listening port to the builder, and the context that PrincipalOf
// needs. `selected_port` (may be null) is set when the server starts; 0 then: the address could not
// be bound. security::ApplyTlsPolicy must have run. `identities` must outlive the server. Call once
// a builder.
void AddSecurePort(grpc::ServerBuilder& builder, const std::string& address,
                   const security::KeyAndCertificate& server_certificate,
                   const std::string& ca_certificate_pem, const IdentitiesHolder& identities,
                   int* selected_port);

}  // namespace muster::server
