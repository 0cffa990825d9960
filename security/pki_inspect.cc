// What a certificate says.
#include <arpa/inet.h>

#include <array>
#include <ctime>

#include "security/openssl_types.h"
#include "security/pki.h"

namespace muster::security {
namespace {

tl::unexpected<Error> NoCertificate() {
  return Fail(ErrorCode::kInvalidArgument, ErrorReason::kInvalidSpec,
              "this is not a certificate in PEM");
}

bool ReadTime(const ASN1_TIME* field, TimePoint& time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(field, &parts) != 1) return false;
  time = std::chrono::time_point_cast<Duration>(
      std::chrono::system_clock::from_time_t(::timegm(&parts)));
  return true;
}

bool FingerprintOf(X509* certificate, Digest& fingerprint) {
  std::array<std::uint8_t, Digest::kBytes> bytes{};
  unsigned size = 0;
  if (X509_digest(certificate, EVP_sha256(), bytes.data(), &size) != 1 || size != bytes.size())
    return false;
  fingerprint = Digest(bytes);
  return true;
}

std::string CommonName(X509* certificate) {
  const X509_NAME* subject = X509_get_subject_name(certificate);
  const int index = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (index < 0) return {};
  const ASN1_STRING* value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, index));
  return std::string(reinterpret_cast<const char*>(ASN1_STRING_get0_data(value)),
                     static_cast<std::size_t>(ASN1_STRING_length(value)));
}

std::string AddressText(const ASN1_OCTET_STRING* address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const int size = ASN1_STRING_length(address);
  const int family = size == 4 ? AF_INET : AF_INET6;
  if ((size != 4 && size != 16) ||
      ::inet_ntop(family, ASN1_STRING_get0_data(address), text.data(), text.size()) == nullptr)
    return {};
  return text.data();
}

void ReadAlternativeNames(X509* certificate, CertificateInfo& info) {
  const GeneralNamesPtr names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  if (!names) return;
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    int type = 0;
    const auto* value = static_cast<const ASN1_STRING*>(
        GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names.get(), i), &type));
    if (type == GEN_DNS)
      info.dns_names.emplace_back(reinterpret_cast<const char*>(ASN1_STRING_get0_data(value)),
                                  static_cast<std::size_t>(ASN1_STRING_length(value)));
    if (type == GEN_IPADD) info.addresses.push_back(AddressText(value));
  }
}

}  // namespace

Result<CertificateInfo> InspectCertificate(std::string_view pem) {
  const ErrorQueueGuard guard;
  const CertificatePtr certificate = ParseCertificate(pem);
  CertificateInfo info;
  if (!certificate || !FingerprintOf(certificate.get(), info.fingerprint) ||
      !ReadTime(X509_get0_notBefore(certificate.get()), info.not_before) ||
      !ReadTime(X509_get0_notAfter(certificate.get()), info.not_after))
    return NoCertificate();
  info.common_name = CommonName(certificate.get());
  ReadAlternativeNames(certificate.get(), info);
  return info;
}

Result<Digest> FingerprintOf(std::string_view pem) {
  const ErrorQueueGuard guard;
  const CertificatePtr certificate = ParseCertificate(pem);
  Digest fingerprint;
  if (!certificate || !FingerprintOf(certificate.get(), fingerprint)) return NoCertificate();
  return fingerprint;
}

Result<Digest> KeyFingerprintOf(std::string_view pem) {
  const ErrorQueueGuard guard;
  const CertificatePtr certificate = ParseCertificate(pem);
  if (!certificate) return NoCertificate();
  unsigned char* der = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate.get()), &der);
  if (size <= 0) return NoCertificate();
  const Digest fingerprint =
      Sha256({reinterpret_cast<const char*>(der), static_cast<std::size_t>(size)});
  OPENSSL_free(der);
  return fingerprint;
}

bool KeyMatchesCertificate(std::string_view key_pem, std::string_view certificate_pem) {
  const ErrorQueueGuard guard;
  const KeyPtr key = ParseKey(key_pem);
  const CertificatePtr certificate = ParseCertificate(certificate_pem);
  return key && certificate && X509_check_private_key(certificate.get(), key.get()) == 1;
}

}  // namespace muster::security
