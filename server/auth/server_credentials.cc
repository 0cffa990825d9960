#include "server/auth/server_credentials.h"

#include <grpcpp/security/server_credentials.h>

#include <memory>

#include "server/auth/authenticator.h"
#include "server/auth/call_context.h"

namespace muster::server {

void AddSecurePort(grpc::ServerBuilder& builder, const std::string& address,
                   const security::KeyAndCertificate& server_certificate,
                   const std::string& ca_certificate_pem, const IdentitiesHolder& identities,
                   int* selected_port) {
  grpc::SslServerCredentialsOptions options(GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_AND_VERIFY);
  options.pem_root_certs = ca_certificate_pem;
  options.pem_key_cert_pairs.push_back(
      {server_certificate.key_pem, server_certificate.certificate_pem});
  const auto credentials = grpc::SslServerCredentials(options);
  credentials->SetAuthMetadataProcessor(std::make_shared<Authenticator>(identities));
  builder.AddListeningPort(address, credentials, selected_port);
  builder.SetContextAllocator(std::make_unique<CallContextAllocator>(identities));
}

}  // namespace muster::server
