#include "security/openssl_types.h"

#include <openssl/pem.h>

#include <climits>

namespace muster::security {
namespace {

// Instead of OpenSSL's default, which would ask at the terminal.
int NoPassword(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*user*/) { return -1; }

}  // namespace

std::string LastOpensslError() {
  const unsigned long code = ERR_peek_last_error();
  if (code == 0) return "no detail";
  char text[256];
  ERR_error_string_n(code, text, sizeof(text));
  return text;
}

BioPtr ReadOnlyBio(std::string_view text) {
  if (text.size() > INT_MAX) return nullptr;
  return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

std::string TakeText(BIO* memory) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(memory, &data);
  return size > 0 ? std::string(data, static_cast<std::size_t>(size)) : std::string();
}

CertificatePtr ParseCertificate(std::string_view pem) {
  const BioPtr bio = ReadOnlyBio(pem);
  if (!bio) return nullptr;
  return CertificatePtr(PEM_read_bio_X509(bio.get(), nullptr, NoPassword, nullptr));
}

KeyPtr ParseKey(std::string_view pem) {
  const BioPtr bio = ReadOnlyBio(pem);
  if (!bio) return nullptr;
  return KeyPtr(PEM_read_bio_PrivateKey(bio.get(), nullptr, NoPassword, nullptr));
}

RequestPtr ParseRequest(std::string_view pem) {
  const BioPtr bio = ReadOnlyBio(pem);
  if (!bio) return nullptr;
  return RequestPtr(PEM_read_bio_X509_REQ(bio.get(), nullptr, NoPassword, nullptr));
}

Result<std::string> CertificateToPem(X509* certificate) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  if (!bio || PEM_write_bio_X509(bio.get(), certificate) != 1)
    return OpensslFailure("cannot encode a certificate");
  return TakeText(bio.get());
}

Result<std::string> KeyToPem(EVP_PKEY* key) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  if (!bio ||
      PEM_write_bio_PKCS8PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) != 1)
    return OpensslFailure("cannot encode a key");
  return TakeText(bio.get());
}

tl::unexpected<Error> OpensslFailure(std::string_view what) {
  return Fail(ErrorCode::kInternal, ErrorReason::kUnspecified,
              std::string(what) + ": " + LastOpensslError());
}

}  // namespace muster::security
