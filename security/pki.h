// The server's own certificate authority: P-256 keys, SHA-256 signatures, X.509 v3. All functions
// are pure but for the randomness of OpenSSL (keys, serial numbers); PEM in, PEM out; thread-safe.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"

namespace muster::security {

inline constexpr Duration kCaLifetime = std::chrono::hours(24 * 7305);
// Renewed at a start when a third is left: long, since a server may run for years and only those
// that pin our CA trust it at all.
inline constexpr Duration kServerCertificateLifetime = std::chrono::hours(24 * 1826);
inline constexpr Duration kNodeCertificateLifetime = std::chrono::hours(24 * 90);
// A certificate may be used by a machine whose clock is behind ours by so much.
inline constexpr Duration kClockSkew = std::chrono::minutes(5);
inline constexpr std::size_t kMaxSigningRequestBytes = 16 * 1024;

struct KeyAndCertificate {
  std::string key_pem;          // PKCS #8, not encrypted: keep it in a secret file
  std::string certificate_pem;  // of a server: leaf, then CA
};

struct KeyAndRequest {
  std::string key_pem;
  std::string signing_request_pem;
};

struct CertificateInfo {
  Digest fingerprint;  // SHA-256 of the DER
  std::string common_name;
  TimePoint not_before{};
  TimePoint not_after{};
  std::vector<std::string> dns_names;  // subject alternative names, in their order
  std::vector<std::string> addresses;  // textual IPs, in their order

  // Less than a third of the lifetime is left.
  bool NearExpiry(TimePoint now) const { return not_after - now < (not_after - not_before) / 3; }
};

struct ServerNames {
  std::vector<std::string> dns_names;
  std::vector<std::string> addresses;  // textual IPv4 or IPv6
};

Result<KeyAndCertificate> CreateCa(TimePoint now);

// Always carries kServerName, "localhost", 127.0.0.1 and ::1, then `names` without repetitions.
// INVALID_ARGUMENT for an address or name that is none.
Result<KeyAndCertificate> IssueServerCertificate(const KeyAndCertificate& ca,
                                                 const ServerNames& names, TimePoint now);
// 1..253 of [A-Za-z0-9._-], first no dot: fit for a certificate's DNS name.
bool IsServerName(std::string_view name);
// The names that IssueServerCertificate would put into the certificate.
ServerNames AllServerNames(const ServerNames& names);

// A certificate for TLS clients with CN = node. Of the request only the key is used, and everything
// about it is distrusted: INVALID_ARGUMENT above kMaxSigningRequestBytes, when it is no PEM
// request, when its key is not P-256, when its signature is not of that key.
Result<std::string> IssueNodeCertificate(const KeyAndCertificate& ca, const NodeId& node,
                                         std::string_view signing_request_pem, TimePoint now);

// The agent's side of enrolment: a new P-256 key, and a request signed with it.
Result<KeyAndRequest> CreateKeyAndRequest();
// The agent's side of a renewal: another request for the key it has. A node is known by its key, so
// that an answer to a renewal that got lost on its way costs nothing.
Result<std::string> CreateRequest(std::string_view key_pem);

// Of the first certificate in `pem`. INVALID_ARGUMENT when there is none.
Result<CertificateInfo> InspectCertificate(std::string_view pem);
// SHA-256 of the DER of the first certificate in `pem`.
Result<Digest> FingerprintOf(std::string_view pem);
// SHA-256 of the DER of the public key (SubjectPublicKeyInfo) of the first certificate in `pem`:
// the same for all certificates of one key.
Result<Digest> KeyFingerprintOf(std::string_view pem);
// The key of `key_pem` belongs to the first certificate of `certificate_pem`.
bool KeyMatchesCertificate(std::string_view key_pem, std::string_view certificate_pem);

}  // namespace muster::security
