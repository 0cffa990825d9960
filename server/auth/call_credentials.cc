#include "server/auth/call_credentials.h"

#include "security/token.h"

namespace muster::server {
namespace {

std::string_view View(const grpc::string_ref& text) { return {text.data(), text.size()}; }

std::string FirstProperty(const grpc::AuthContext& connection, const char* name) {
  const std::vector<grpc::string_ref> values = connection.FindPropertyValues(name);
  return values.empty() ? std::string() : std::string(View(values.front()));
}

}  // namespace

CallCredentials::CallCredentials(const Metadata& metadata, const grpc::AuthContext& connection,
                                 security::KeyFingerprints& keys)
    : common_name_(FirstProperty(connection, GRPC_X509_CN_PROPERTY_NAME)) {
  const std::string pem = FirstProperty(connection, GRPC_X509_PEM_CERT_PROPERTY_NAME);
  if (!pem.empty()) {
    if (const Result<Digest> key = keys.Of(pem)) certificate_key_ = *key;
  }
  if (const auto path = metadata.find(":path"); path != metadata.end())
    method_ = View(path->second);
  const auto [begin, end] = metadata.equal_range(security::kAuthorizationKey);
  for (auto it = begin; it != end; ++it) {
    ambiguous_ = ambiguous_ || it != begin;
    authorization_ = View(it->second);
  }
}

}  // namespace muster::server
