// Owners of OpenSSL objects. Only for .cc files of security/.
#pragma once

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace muster::security {

template <auto Free>
struct OpensslDelete {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};

using BioPtr = std::unique_ptr<BIO, OpensslDelete<BIO_free_all>>;
using BignumPtr = std::unique_ptr<BIGNUM, OpensslDelete<BN_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, OpensslDelete<EVP_PKEY_free>>;
using CertificatePtr = std::unique_ptr<X509, OpensslDelete<X509_free>>;
using RequestPtr = std::unique_ptr<X509_REQ, OpensslDelete<X509_REQ_free>>;
using ExtensionPtr = std::unique_ptr<X509_EXTENSION, OpensslDelete<X509_EXTENSION_free>>;
using GeneralNamesPtr = std::unique_ptr<GENERAL_NAMES, OpensslDelete<GENERAL_NAMES_free>>;
using GeneralNamePtr = std::unique_ptr<GENERAL_NAME, OpensslDelete<GENERAL_NAME_free>>;
using StorePtr = std::unique_ptr<X509_STORE, OpensslDelete<X509_STORE_free>>;
using StoreContextPtr = std::unique_ptr<X509_STORE_CTX, OpensslDelete<X509_STORE_CTX_free>>;
using SslContextPtr = std::unique_ptr<SSL_CTX, OpensslDelete<SSL_CTX_free>>;
using SslPtr = std::unique_ptr<SSL, OpensslDelete<SSL_free>>;

// OpenSSL's error queue belongs to the thread, and gRPC uses it on the same threads: whatever a
// function of ours leaves there would be taken for an error of the next connection. One stands in
// every public function.
class ErrorQueueGuard {
 public:
  ErrorQueueGuard() { ERR_clear_error(); }
  ~ErrorQueueGuard() { ERR_clear_error(); }
  ErrorQueueGuard(const ErrorQueueGuard&) = delete;
  ErrorQueueGuard& operator=(const ErrorQueueGuard&) = delete;
};

// The newest error of this thread's queue; "no detail" when there is none.
std::string LastOpensslError();

// `text` must outlive the BIO.
BioPtr ReadOnlyBio(std::string_view text);
std::string TakeText(BIO* memory);

// The first object of its kind in `pem`, or null. Never asks for a password.
CertificatePtr ParseCertificate(std::string_view pem);
KeyPtr ParseKey(std::string_view pem);
RequestPtr ParseRequest(std::string_view pem);

Result<std::string> CertificateToPem(X509* certificate);
Result<std::string> KeyToPem(EVP_PKEY* key);

// "<what>: <OpenSSL's newest error>", INTERNAL.
tl::unexpected<Error> OpensslFailure(std::string_view what);

}  // namespace muster::security
