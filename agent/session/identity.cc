#include "agent/session/identity.h"

#include <nlohmann/json.hpp>

#include "security/pki.h"
#include "security/secret_file.h"

namespace muster::agent {
namespace {

constexpr char kKey[] = "key.pem";
constexpr char kCertificate[] = "cert.pem";
constexpr char kCa[] = "ca.pem";
constexpr char kServer[] = "server.json";

// The content, or nothing if there is no such file.
Result<std::optional<std::string>> ReadIfThere(const std::string& path) {
  auto content = security::ReadSecretFile(path);
  if (content) return std::move(*content);
  if (content.error().code == ErrorCode::kNotFound) return std::nullopt;
  return Fail(content.error());
}

tl::unexpected<Error> Damaged(const std::string& what) {
  return Fail(ErrorCode::kFailedPrecondition, ErrorReason::kCorruptState,
              what + "; remove the identity directory and enrol the node again");
}

}  // namespace

Result<std::optional<Identity>> IdentityStore::Load() const {
  MUSTER_ASSIGN(const std::optional<std::string> certificate, ReadIfThere(Path(kCertificate)));
  if (!certificate) return std::nullopt;
  Identity identity;
  identity.certificate_pem = *certificate;
  MUSTER_ASSIGN(identity.key_pem, security::ReadSecretFile(Path(kKey)));
  if (!security::KeyMatchesCertificate(identity.key_pem, *certificate)) {
    return Damaged(Path(kKey) + " is not the key of " + kCertificate);
  }
  MUSTER_ASSIGN(identity.ca_pem, security::ReadSecretFile(Path(kCa)));
  MUSTER_ASSIGN(const std::string server, security::ReadSecretFile(Path(kServer)));
  const auto json = nlohmann::json::parse(server, nullptr, false);
  if (!json.is_object() || !json.contains("node_id") || !json["node_id"].is_string()) {
    return Damaged(Path(kServer) + " is malformed");
  }
  identity.node = NodeId(json["node_id"].get<std::string>());
  if (json.contains("server") && json["server"].is_string()) {
    identity.server = json["server"].get<std::string>();
  }
  return identity;
}

Result<std::optional<std::string>> IdentityStore::LoadKey() const {
  return ReadIfThere(Path(kKey));
}

Status IdentityStore::SaveKey(const std::string& key_pem) {
  return security::WriteSecretFile(Path(kKey), key_pem);
}

Status IdentityStore::SaveEnrolled(const Identity& identity) {
  const nlohmann::json server = {{"node_id", identity.node.str()}, {"server", identity.server}};
  MUSTER_TRY(security::WriteSecretFile(Path(kCa), identity.ca_pem));
  MUSTER_TRY(security::WriteSecretFile(Path(kServer), server.dump(2) + "\n"));
  return SaveCertificate(identity.certificate_pem);
}

Status IdentityStore::SaveCertificate(const std::string& certificate_pem) {
  return security::WriteSecretFile(Path(kCertificate), certificate_pem);
}

}  // namespace muster::agent
