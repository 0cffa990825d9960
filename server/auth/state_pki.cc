#include "server/auth/state_pki.h"

#include <openssl/rand.h>
#include <unistd.h>

#include <array>
#include <optional>
#include <utility>

#include "base/check.h"
#include "base/log.h"
#include "security/secret_file.h"

namespace muster::server {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kTokenKeyBytes = 32;
constexpr std::size_t kMaxHostNameBytes = 256;

struct Paths {
  explicit Paths(const fs::path& state)
      : token_key(state / "token.key"),
        directory(state / "pki"),
        ca_key(directory / "ca.key"),
        ca_certificate(directory / "ca.crt"),
        server_key(directory / "server.key"),
        server_certificate(directory / "server.crt") {}

  fs::path token_key;
  fs::path directory;
  fs::path ca_key;
  fs::path ca_certificate;
  fs::path server_key;
  fs::path server_certificate;
};

tl::unexpected<Error> Damaged(const fs::path& path, const std::string& what) {
  return Fail(ErrorCode::kFailedPrecondition, ErrorReason::kCorruptState,
              path.string() + " " + what +
                  "; restore it from a backup: nodes and clients trust this CA alone");
}

// Nothing when there is no such file.
Result<std::optional<std::string>> IfThere(Result<std::string> content) {
  if (content) return std::optional<std::string>(std::move(*content));
  if (content.error().code == ErrorCode::kNotFound) return std::optional<std::string>();
  return Fail(std::move(content).error());
}

std::string NewTokenKey() {
  std::array<unsigned char, kTokenKeyBytes> bytes{};
  MUSTER_CHECK(RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) == 1);
  return Digest(bytes).Hex();
}

// The order is: token key, CA key, CA certificate. Where the certificate is, all of it was
// complete.
Status CreateCaFiles(const Paths& paths, TimePoint now, StatePki& pki) {
  pki.token_key = NewTokenKey();
  MUSTER_ASSIGN(pki.ca, security::CreateCa(now));
  MUSTER_TRY(security::WriteSecretFile(paths.token_key, pki.token_key));
  MUSTER_TRY(security::WriteSecretFile(paths.ca_key, pki.ca.key_pem));
  MUSTER_TRY(security::WriteSecretFile(paths.ca_certificate, pki.ca.certificate_pem));
  Log(LogLevel::kInfo, "ca_created", {{"path", paths.ca_certificate.string()}});
  return {};
}

Status LoadCaFiles(const Paths& paths, std::string certificate_pem, TimePoint now, StatePki& pki) {
  MUSTER_ASSIGN(std::optional<std::string> key, IfThere(security::ReadSecretFile(paths.ca_key)));
  MUSTER_ASSIGN(std::optional<std::string> token_key,
                IfThere(security::ReadSecretFile(paths.token_key)));
  if (!key) return Damaged(paths.ca_key, "is missing");
  if (!token_key) return Damaged(paths.token_key, "is missing");
  if (token_key->size() != 2 * kTokenKeyBytes) return Damaged(paths.token_key, "is damaged");
  const auto info = security::InspectCertificate(certificate_pem);
  if (!info) return Damaged(paths.ca_certificate, "is not a certificate");
  if (!security::KeyMatchesCertificate(*key, certificate_pem))
    return Damaged(paths.ca_key, "does not belong to " + paths.ca_certificate.string());
  if (info->not_after <= now)
    return Fail(ErrorCode::kFailedPrecondition, ErrorReason::kCorruptState,
                paths.ca_certificate.string() + " expired at " + FormatUtc(info->not_after));
  pki.ca = {std::move(*key), std::move(certificate_pem)};
  pki.token_key = std::move(*token_key);
  return {};
}

// Why the server needs another certificate; nothing: it does not.
std::optional<std::string> ReasonToIssue(const std::optional<std::string>& key,
                                         const std::optional<std::string>& certificate,
                                         const security::ServerNames& names, const StatePki& pki,
                                         TimePoint now) {
  if (!key || !certificate) return "there is none";
  const auto info = security::InspectCertificate(*certificate);
  if (!info || !security::KeyMatchesCertificate(*key, *certificate))
    return "key and certificate do not belong together";
  if (!certificate->ends_with(pki.ca.certificate_pem)) return "it is of another CA";
  if (info->NearExpiry(now)) return "it expires at " + FormatUtc(info->not_after);
  const security::ServerNames wanted = security::AllServerNames(names);
  if (info->dns_names != wanted.dns_names || info->addresses != wanted.addresses)
    return "the configured names have changed";
  return std::nullopt;
}

Status LoadOrIssueServerCertificate(const Paths& paths, const security::ServerNames& names,
                                    TimePoint now, StatePki& pki) {
  MUSTER_ASSIGN(std::optional<std::string> key,
                IfThere(security::ReadSecretFile(paths.server_key)));
  MUSTER_ASSIGN(std::optional<std::string> certificate,
                IfThere(security::ReadPublicFile(paths.server_certificate)));
  const auto reason = ReasonToIssue(key, certificate, names, pki, now);
  if (!reason) {
    pki.server = {std::move(*key), std::move(*certificate)};
    return {};
  }
  MUSTER_ASSIGN(pki.server, security::IssueServerCertificate(pki.ca, names, now));
  MUSTER_TRY(security::WriteSecretFile(paths.server_key, pki.server.key_pem));
  MUSTER_TRY(security::WriteSecretFile(paths.server_certificate, pki.server.certificate_pem));
  pki.server_certificate_issued = true;
  Log(LogLevel::kInfo, "server_certificate_issued", {{"reason", *reason}});
  return {};
}

// The machine's own name, where it is one that a certificate can hold.
void AddHostName(security::ServerNames& names) {
  std::array<char, kMaxHostNameBytes + 1> name{};
  if (::gethostname(name.data(), kMaxHostNameBytes) != 0) return;
  const std::string text(name.data());
  if (security::IsServerName(text)) names.dns_names.push_back(text);
}

}  // namespace

Result<StatePki> LoadOrCreateStatePki(const fs::path& state_directory,
                                      const security::ServerNames& names, TimePoint now) {
  const Paths paths(state_directory);
  MUSTER_TRY(security::MakeSecretDirectory(paths.directory));
  StatePki pki;
  MUSTER_ASSIGN(std::optional<std::string> ca,
                IfThere(security::ReadPublicFile(paths.ca_certificate)));
  if (ca) {
    MUSTER_TRY(LoadCaFiles(paths, std::move(*ca), now, pki));
  } else if (fs::exists(paths.server_certificate)) {
    return Damaged(paths.ca_certificate, "is missing");
  } else {
    MUSTER_TRY(CreateCaFiles(paths, now, pki));
  }
  MUSTER_ASSIGN(pki.ca_fingerprint, security::FingerprintOf(pki.ca.certificate_pem));
  security::ServerNames all = names;
  AddHostName(all);
  MUSTER_TRY(LoadOrIssueServerCertificate(paths, all, now, pki));
  return pki;
}

}  // namespace muster::server
