#include "security/pki.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "security/openssl_types.h"
#include "security/tls_policy.h"

namespace muster::security {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const TimePoint kNow = FromMicros(1'790'000'000'000'000);

class Pki : public ::testing::Test {
 protected:
  void SetUp() override {
    auto ca = CreateCa(kNow);
    ASSERT_TRUE(ca) << ca.error().message;
    ca_ = *ca;
  }

  // The request refused, with this in the message.
  void ExpectRefused(const std::string& request, const std::string& why) {
    const auto issued = IssueNodeCertificate(ca_, NodeId("n1"), request, kNow);
    ASSERT_FALSE(issued);
    EXPECT_EQ(issued.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(issued.error().message, HasSubstr(why));
    EXPECT_EQ(ERR_peek_error(), 0UL) << "left in the queue of this thread";
  }

  // A request for `key`, with subject `name` and signed by `signer`.
  static std::string Request(EVP_PKEY* key, EVP_PKEY* signer, const char* name = nullptr) {
    const RequestPtr request(X509_REQ_new());
    X509_REQ_set_pubkey(request.get(), key);
    if (name != nullptr)
      X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(request.get()), "CN", MBSTRING_ASC,
                                 reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
    EXPECT_GT(X509_REQ_sign(request.get(), signer, EVP_sha256()), 0);
    const BioPtr text(BIO_new(BIO_s_mem()));
    PEM_write_bio_X509_REQ(text.get(), request.get());
    return TakeText(text.get());
  }

  KeyAndCertificate ca_;
};

TEST_F(Pki, NodeCertificateCarriesTheIdThatTheServerSetsAndNothingOfTheSubject) {
  const KeyPtr key(EVP_EC_gen("P-256"));
  const auto issued =
      IssueNodeCertificate(ca_, NodeId("n1"), Request(key.get(), key.get(), "admin"), kNow);
  ASSERT_TRUE(issued) << issued.error().message;
  const auto info = InspectCertificate(*issued);
  ASSERT_TRUE(info);
  EXPECT_EQ(info->common_name, "n1");
  EXPECT_EQ(info->not_after, kNow + kNodeCertificateLifetime);
  EXPECT_EQ(info->not_before, kNow - kClockSkew);
  EXPECT_TRUE(info->dns_names.empty());
  EXPECT_EQ(FingerprintOf(*issued), info->fingerprint);
}

TEST_F(Pki, AgentsOwnRequestIsAccepted) {
  const auto made = CreateKeyAndRequest();
  ASSERT_TRUE(made) << made.error().message;
  const auto issued = IssueNodeCertificate(ca_, NodeId("n1"), made->signing_request_pem, kNow);
  ASSERT_TRUE(issued) << issued.error().message;
  EXPECT_TRUE(KeyMatchesCertificate(made->key_pem, *issued));
  EXPECT_FALSE(KeyMatchesCertificate(ca_.key_pem, *issued));
}

TEST_F(Pki, HostileRequestsAreRefused) {
  const std::string good = CreateKeyAndRequest()->signing_request_pem;
  ExpectRefused("", "not a PKCS #10 request");
  ExpectRefused("-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n",
                "not a PKCS #10 request");
  ExpectRefused(good.substr(0, good.size() / 2), "not a PKCS #10 request");
  ExpectRefused(ca_.certificate_pem, "not a PKCS #10 request");
  ExpectRefused(good + std::string(kMaxSigningRequestBytes, '\n'), "bytes; at most 16384");
  ExpectRefused(std::string(1 << 20, 'A'), "bytes; at most 16384");
  std::string encrypted = good;
  encrypted.insert(good.find('\n') + 1,
                   "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF"
                   "\n\n");
  ExpectRefused(encrypted, "not a PKCS #10 request");
}

TEST_F(Pki, OnlyKeysOnP256AreCertified) {
  const KeyPtr rsa(EVP_RSA_gen(2048));
  ExpectRefused(Request(rsa.get(), rsa.get()), "P-256");
  const KeyPtr p384(EVP_EC_gen("P-384"));
  ExpectRefused(Request(p384.get(), p384.get()), "P-256");
  const KeyPtr secp256k1(EVP_EC_gen("secp256k1"));
  ExpectRefused(Request(secp256k1.get(), secp256k1.get()), "P-256");
}

TEST_F(Pki, ACurveThatIsSpelledOutIsRefused) {
  const KeyPtr key(EVP_EC_gen("P-256"));
  ASSERT_EQ(EVP_PKEY_set_utf8_string_param(key.get(), OSSL_PKEY_PARAM_EC_ENCODING,
                                           OSSL_PKEY_EC_ENCODING_EXPLICIT),
            1);
  ExpectRefused(Request(key.get(), key.get()), "curve");
}

TEST_F(Pki, ARequestForSomebodyElsesKeyIsRefused) {
  const KeyPtr theirs(EVP_EC_gen("P-256"));
  const KeyPtr mine(EVP_EC_gen("P-256"));
  ExpectRefused(Request(theirs.get(), mine.get()), "not signed with its own key");
}

TEST_F(Pki, ServerCertificateCarriesOurNamesAndTheConfiguredOnesOnce) {
  const auto server = IssueServerCertificate(
      ca_, {{"head.example.org", "localhost"}, {"10.1.2.3", "FD00:0::1", "127.0.0.1"}}, kNow);
  ASSERT_TRUE(server) << server.error().message;
  const auto info = InspectCertificate(server->certificate_pem);
  ASSERT_TRUE(info);
  EXPECT_EQ(info->common_name, kServerName);
  EXPECT_THAT(info->dns_names, ElementsAre("musterd", "localhost", "head.example.org"));
  EXPECT_THAT(info->addresses, ElementsAre("127.0.0.1", "::1", "10.1.2.3", "fd00::1"));
  EXPECT_TRUE(server->certificate_pem.ends_with(ca_.certificate_pem)) << "the CA is presented";
  EXPECT_TRUE(KeyMatchesCertificate(server->key_pem, server->certificate_pem));
}

TEST_F(Pki, ServerNamesThatAreNoneAreRefused) {
  for (const std::string name : {"", "a b", "a,DNS:evil", ".a", "*.example.org"}) {
    const auto server = IssueServerCertificate(ca_, {{name}, {}}, kNow);
    ASSERT_FALSE(server) << name;
    EXPECT_EQ(server.error().code, ErrorCode::kInvalidArgument);
  }
  EXPECT_FALSE(IssueServerCertificate(ca_, {{}, {"10.1.2.3.4"}}, kNow));
  EXPECT_FALSE(IssueServerCertificate(ca_, {{}, {"head"}}, kNow));
}

TEST_F(Pki, NoCertificateOutlivesItsCa) {
  const TimePoint late = kNow + kCaLifetime - std::chrono::hours(24);
  const auto node =
      IssueNodeCertificate(ca_, NodeId("n1"), CreateKeyAndRequest()->signing_request_pem, late);
  EXPECT_EQ(InspectCertificate(*node)->not_after, kNow + kCaLifetime);
}

TEST_F(Pki, ACertificateIsNearItsExpiryInItsLastThird) {
  const auto node =
      IssueNodeCertificate(ca_, NodeId("n1"), CreateKeyAndRequest()->signing_request_pem, kNow);
  const auto info = InspectCertificate(*node);
  EXPECT_FALSE(info->NearExpiry(kNow + std::chrono::hours(24 * 59)));
  EXPECT_TRUE(info->NearExpiry(kNow + std::chrono::hours(24 * 61)));
}

TEST_F(Pki, TwoCasAreNotTheSame) {
  const auto other = CreateCa(kNow);
  ASSERT_TRUE(other);
  EXPECT_NE(FingerprintOf(ca_.certificate_pem), FingerprintOf(other->certificate_pem));
  EXPECT_FALSE(IssueServerCertificate({other->key_pem, ca_.certificate_pem}, {}, kNow))
      << "key and certificate of different CAs";
}

TEST_F(Pki, WhatIsNoCertificateIsSaidToBeNone) {
  EXPECT_EQ(InspectCertificate("").error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(FingerprintOf(ca_.key_pem).error().code, ErrorCode::kInvalidArgument);
  EXPECT_FALSE(KeyMatchesCertificate("", ""));
}

}  // namespace
}  // namespace muster::security
