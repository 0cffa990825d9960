// Keys, requests and certificates that we make.
#include <arpa/inet.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <utility>

#include "security/openssl_types.h"
#include "security/pki.h"
#include "security/tls_policy.h"

namespace muster::security {
namespace {

constexpr char kCurve[] = "prime256v1";
constexpr std::size_t kMaxDnsNameBytes = 253;
constexpr std::size_t kMaxServerNames = 256;
constexpr int kSerialBits = 127;  // a positive number of at most 16 bytes

KeyPtr NewKey() { return KeyPtr(EVP_EC_gen("P-256")); }

bool AddExtension(X509* certificate, X509* issuer, int kind, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const ExtensionPtr extension(X509V3_EXT_conf_nid(nullptr, &context, kind, value));
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

bool SetRandomSerial(X509* certificate) {
  const BignumPtr serial(BN_new());
  return serial && BN_rand(serial.get(), kSerialBits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1 &&
         BN_to_ASN1_INTEGER(serial.get(), X509_get_serialNumber(certificate)) != nullptr;
}

bool SetTime(ASN1_TIME* field, TimePoint time) {
  return ASN1_TIME_set(field, std::chrono::system_clock::to_time_t(time)) != nullptr;
}

struct Frame {
  std::string common_name;
  EVP_PKEY* public_key = nullptr;
  X509* issuer = nullptr;  // null: self-signed
  TimePoint not_before{};
  TimePoint not_after{};
};

// Everything of a certificate but its extensions and signature; null on failure.
CertificatePtr NewCertificate(const Frame& frame) {
  CertificatePtr certificate(X509_new());
  if (!certificate || X509_set_version(certificate.get(), X509_VERSION_3) != 1 ||
      !SetRandomSerial(certificate.get()) ||
      !SetTime(X509_getm_notBefore(certificate.get()), frame.not_before) ||
      !SetTime(X509_getm_notAfter(certificate.get()), frame.not_after) ||
      X509_set_pubkey(certificate.get(), frame.public_key) != 1)
    return nullptr;
  X509_NAME* subject = X509_get_subject_name(certificate.get());
  const auto* name = reinterpret_cast<const unsigned char*>(frame.common_name.data());
  if (X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, name,
                                 static_cast<int>(frame.common_name.size()), -1, 0) != 1)
    return nullptr;
  X509_NAME* issuer = frame.issuer ? X509_get_subject_name(frame.issuer) : subject;
  if (X509_set_issuer_name(certificate.get(), issuer) != 1) return nullptr;
  return certificate;
}

bool AddLeafExtensions(X509* certificate, X509* issuer, const char* usage) {
  return AddExtension(certificate, issuer, NID_basic_constraints, "critical,CA:FALSE") &&
         AddExtension(certificate, issuer, NID_key_usage, "critical,digitalSignature") &&
         AddExtension(certificate, issuer, NID_ext_key_usage, usage) &&
         AddExtension(certificate, issuer, NID_subject_key_identifier, "hash") &&
         AddExtension(certificate, issuer, NID_authority_key_identifier, "keyid:always");
}

// The names go in as objects, never through OpenSSL's configuration syntax, where a comma would
// make two.
bool AddAlternativeNames(X509* certificate, const ServerNames& names) {
  const GeneralNamesPtr list(GENERAL_NAMES_new());
  if (!list) return false;
  const auto add = [&](int type, ASN1_STRING* value) {
    if (value == nullptr) return false;
    GeneralNamePtr name(GENERAL_NAME_new());
    if (!name) {
      ASN1_STRING_free(value);
      return false;
    }
    GENERAL_NAME_set0_value(name.get(), type, value);
    if (sk_GENERAL_NAME_push(list.get(), name.get()) <= 0) return false;
    static_cast<void>(name.release());  // now the list's
    return true;
  };
  for (const std::string& dns_name : names.dns_names) {
    ASN1_IA5STRING* value = ASN1_IA5STRING_new();
    if (value != nullptr)
      ASN1_STRING_set(value, dns_name.data(), static_cast<int>(dns_name.size()));
    if (!add(GEN_DNS, value)) return false;
  }
  for (const std::string& address : names.addresses)
    if (!add(GEN_IPADD, a2i_IPADDRESS(address.c_str()))) return false;
  return X509_add1_ext_i2d(certificate, NID_subject_alt_name, list.get(), 0, X509V3_ADD_DEFAULT) ==
         1;
}

bool IsAddress(const std::string& text) {
  ASN1_OCTET_STRING* parsed = a2i_IPADDRESS(text.c_str());
  const bool valid = parsed != nullptr && text.find('\0') == std::string::npos;
  ASN1_OCTET_STRING_free(parsed);
  return valid;
}

// As inet_ntop writes it, which is how it is read back from a certificate; unchanged if it is no
// address.
std::string CanonicalAddress(const std::string& text) {
  std::array<unsigned char, 16> bytes{};
  std::array<char, INET6_ADDRSTRLEN> canonical{};
  for (const int family : {AF_INET, AF_INET6})
    if (::inet_pton(family, text.c_str(), bytes.data()) == 1 &&
        ::inet_ntop(family, bytes.data(), canonical.data(), canonical.size()) != nullptr)
      return canonical.data();
  return text;
}

Status CheckServerNames(const ServerNames& names) {
  const auto refuse = [](std::string message) {
    return Fail(ErrorCode::kInvalidArgument, ErrorReason::kInvalidSpec, std::move(message));
  };
  if (names.dns_names.size() + names.addresses.size() > kMaxServerNames)
    return refuse("a server certificate takes at most " + std::to_string(kMaxServerNames) +
                  " names and addresses");
  for (const std::string& name : names.dns_names)
    if (!IsServerName(name)) return refuse("\"" + name + "\" is not a host name");
  for (const std::string& address : names.addresses)
    if (!IsAddress(address)) return refuse("\"" + address + "\" is not an IP address");
  return {};
}

struct Issuer {
  KeyPtr key;
  CertificatePtr certificate;
  TimePoint not_after{};
};

Result<Issuer> LoadIssuer(const KeyAndCertificate& ca) {
  Issuer issuer{ParseKey(ca.key_pem), ParseCertificate(ca.certificate_pem), {}};
  if (!issuer.key || !issuer.certificate ||
      X509_check_private_key(issuer.certificate.get(), issuer.key.get()) != 1)
    return OpensslFailure("the CA's key and certificate do not belong together");
  MUSTER_ASSIGN(const CertificateInfo info, InspectCertificate(ca.certificate_pem));
  issuer.not_after = info.not_after;
  return issuer;
}

Status CheckRequestKey(EVP_PKEY* key) {
  const auto refuse = [](const char* message) {
    return Fail(ErrorCode::kInvalidArgument, ErrorReason::kInvalidSpec, message);
  };
  std::array<char, 64> group{};
  if (key == nullptr || EVP_PKEY_get_base_id(key) != EVP_PKEY_EC ||
      EVP_PKEY_get_group_name(key, group.data(), group.size(), nullptr) != 1 ||
      std::string_view(group.data()) != kCurve)
    return refuse("the signing request's key is not an EC key on the curve P-256");
  // A curve written out in full may look like P-256 and have another generator.
  int explicit_curve = 0;
  if (EVP_PKEY_get_int_param(key, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS,
                             &explicit_curve) == 1 &&
      explicit_curve != 0)
    return refuse("the signing request's key spells out its curve; name the curve P-256 instead");
  return {};
}

}  // namespace

Result<KeyAndCertificate> CreateCa(TimePoint now) {
  const ErrorQueueGuard guard;
  std::array<unsigned char, Digest::kBytes> random{};
  const KeyPtr key = NewKey();
  if (!key || RAND_bytes(random.data(), static_cast<int>(random.size())) != 1)
    return OpensslFailure("cannot make a CA key");
  const std::string name = "Muster CA " + Digest(random).Hex().substr(0, 8);
  const CertificatePtr certificate =
      NewCertificate({name, key.get(), nullptr, now - kClockSkew, now + kCaLifetime});
  X509* raw = certificate.get();
  if (!raw || !AddExtension(raw, raw, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") ||
      !AddExtension(raw, raw, NID_key_usage, "critical,keyCertSign,cRLSign") ||
      !AddExtension(raw, raw, NID_subject_key_identifier, "hash") ||
      X509_sign(raw, key.get(), EVP_sha256()) == 0)
    return OpensslFailure("cannot make the CA certificate");
  KeyAndCertificate ca;
  MUSTER_ASSIGN(ca.key_pem, KeyToPem(key.get()));
  MUSTER_ASSIGN(ca.certificate_pem, CertificateToPem(raw));
  return ca;
}

bool IsServerName(std::string_view name) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  };
  return !name.empty() && name.size() <= kMaxDnsNameBytes && name.front() != '.' &&
         std::all_of(name.begin(), name.end(), allowed);
}

ServerNames AllServerNames(const ServerNames& names) {
  ServerNames all{{kServerName, "localhost"}, {"127.0.0.1", "::1"}};
  const auto add = [](std::vector<std::string>& list, const std::vector<std::string>& more) {
    for (const std::string& name : more)
      if (std::find(list.begin(), list.end(), name) == list.end()) list.push_back(name);
  };
  add(all.dns_names, names.dns_names);
  std::vector<std::string> addresses;
  addresses.reserve(names.addresses.size());
  for (const std::string& address : names.addresses) addresses.push_back(CanonicalAddress(address));
  add(all.addresses, addresses);
  return all;
}

Result<KeyAndCertificate> IssueServerCertificate(const KeyAndCertificate& ca,
                                                 const ServerNames& names, TimePoint now) {
  const ErrorQueueGuard guard;
  MUSTER_TRY(CheckServerNames(names));
  MUSTER_ASSIGN(const Issuer issuer, LoadIssuer(ca));
  const KeyPtr key = NewKey();
  if (!key) return OpensslFailure("cannot make the server's key");
  const TimePoint not_after = std::min(now + kServerCertificateLifetime, issuer.not_after);
  const CertificatePtr certificate = NewCertificate(
      {kServerName, key.get(), issuer.certificate.get(), now - kClockSkew, not_after});
  if (!certificate ||
      !AddLeafExtensions(certificate.get(), issuer.certificate.get(), "serverAuth") ||
      !AddAlternativeNames(certificate.get(), AllServerNames(names)) ||
      X509_sign(certificate.get(), issuer.key.get(), EVP_sha256()) == 0)
    return OpensslFailure("cannot make the server's certificate");
  KeyAndCertificate server;
  MUSTER_ASSIGN(server.key_pem, KeyToPem(key.get()));
  MUSTER_ASSIGN(server.certificate_pem, CertificateToPem(certificate.get()));
  server.certificate_pem += ca.certificate_pem;
  return server;
}

Result<std::string> IssueNodeCertificate(const KeyAndCertificate& ca, const NodeId& node,
                                         std::string_view signing_request_pem, TimePoint now) {
  const ErrorQueueGuard guard;
  if (signing_request_pem.size() > kMaxSigningRequestBytes)
    return Fail(ErrorCode::kInvalidArgument, ErrorReason::kTooLarge,
                "the signing request has " + std::to_string(signing_request_pem.size()) +
                    " bytes; at most " + std::to_string(kMaxSigningRequestBytes) + " are taken");
  const RequestPtr request = ParseRequest(signing_request_pem);
  if (!request)
    return Fail(ErrorCode::kInvalidArgument, ErrorReason::kInvalidSpec,
                "the signing request is not a PKCS #10 request in PEM");
  EVP_PKEY* key = X509_REQ_get0_pubkey(request.get());
  MUSTER_TRY(CheckRequestKey(key));
  if (X509_REQ_verify(request.get(), key) != 1)
    return Fail(ErrorCode::kInvalidArgument, ErrorReason::kInvalidSpec,
                "the signing request is not signed with its own key");

  MUSTER_ASSIGN(const Issuer issuer, LoadIssuer(ca));
  const TimePoint not_after = std::min(now + kNodeCertificateLifetime, issuer.not_after);
  const CertificatePtr certificate =
      NewCertificate({node.str(), key, issuer.certificate.get(), now - kClockSkew, not_after});
  if (!certificate ||
      !AddLeafExtensions(certificate.get(), issuer.certificate.get(), "clientAuth") ||
      X509_sign(certificate.get(), issuer.key.get(), EVP_sha256()) == 0)
    return OpensslFailure("cannot make a certificate for node " + node.str());
  return CertificateToPem(certificate.get());
}

Result<KeyAndRequest> CreateKeyAndRequest() {
  const ErrorQueueGuard guard;
  const KeyPtr key = NewKey();
  if (!key) return OpensslFailure("cannot make a key");
  KeyAndRequest made;
  MUSTER_ASSIGN(made.key_pem, KeyToPem(key.get()));
  MUSTER_ASSIGN(made.signing_request_pem, CreateRequest(made.key_pem));
  return made;
}

Result<std::string> CreateRequest(std::string_view key_pem) {
  const ErrorQueueGuard guard;
  const KeyPtr key = ParseKey(key_pem);
  const RequestPtr request(X509_REQ_new());
  const BioPtr text(BIO_new(BIO_s_mem()));
  if (!key || !request || !text || X509_REQ_set_version(request.get(), X509_REQ_VERSION_1) != 1 ||
      X509_REQ_set_pubkey(request.get(), key.get()) != 1 ||
      X509_REQ_sign(request.get(), key.get(), EVP_sha256()) == 0 ||
      PEM_write_bio_X509_REQ(text.get(), request.get()) != 1)
    return OpensslFailure("cannot make a signing request");
  return TakeText(text.get());
}

}  // namespace muster::security
