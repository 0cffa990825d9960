#include "server/auth/state_pki.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "security/secret_file.h"
#include "tests/unit/security/temporary_directory.h"

namespace muster::server {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::HasSubstr;

const TimePoint kNow = FromMicros(1'790'000'000'000'000);

class StatePkiTest : public ::testing::Test {
 protected:
  Result<StatePki> Load(const security::ServerNames& names = {}, TimePoint now = kNow) {
    return LoadOrCreateStatePki(state(), names, now);
  }
  const fs::path& state() const { return directory_.path(); }

  TemporaryDirectory directory_;
};

TEST_F(StatePkiTest, TheFirstStartMakesFilesForTheOwnerAlone) {
  const auto pki = Load();
  ASSERT_TRUE(pki) << pki.error().message;
  EXPECT_TRUE(pki->server_certificate_issued);
  for (const char* name :
       {"token.key", "pki/ca.key", "pki/ca.crt", "pki/server.key", "pki/server.crt"}) {
    struct stat info {};
    ASSERT_EQ(::stat((state() / name).c_str(), &info), 0) << name;
    EXPECT_EQ(info.st_mode & 07777, 0600U) << name;
  }
}

TEST_F(StatePkiTest, TheNextStartFindsTheSame) {
  const auto first = Load();
  const auto second = Load({}, kNow + std::chrono::hours(24));
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_EQ(second->ca_fingerprint, first->ca_fingerprint);
  EXPECT_EQ(second->token_key, first->token_key);
  EXPECT_EQ(second->server.certificate_pem, first->server.certificate_pem);
  EXPECT_FALSE(second->server_certificate_issued);
}

TEST_F(StatePkiTest, CertificatesMayBeReadableByAllKeysMayNot) {
  ASSERT_TRUE(Load());
  for (const char* name : {"pki/ca.crt", "pki/server.crt"}) {
    fs::permissions(state() / name, fs::perms(0644));
  }
  const auto again = Load();
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_FALSE(again->server_certificate_issued);
  fs::permissions(state() / "pki/ca.key", fs::perms(0640));
  EXPECT_EQ(Load().error().code, ErrorCode::kFailedPrecondition);
}

TEST_F(StatePkiTest, NewNamesAndNearExpiryBringANewServerCertificateOfTheSameCa) {
  const auto first = Load();
  const auto named = Load({{"head.example.org"}, {"FD00::1"}});
  ASSERT_TRUE(named) << named.error().message;
  EXPECT_TRUE(named->server_certificate_issued);
  EXPECT_EQ(named->ca_fingerprint, first->ca_fingerprint);
  EXPECT_THAT(security::InspectCertificate(named->server.certificate_pem)->dns_names,
              Contains("head.example.org"));
  EXPECT_FALSE(Load({{"head.example.org"}, {"FD00::1"}})->server_certificate_issued);

  const TimePoint late = kNow + security::kServerCertificateLifetime - std::chrono::hours(24 * 30);
  const auto renewed = Load({{"head.example.org"}, {"FD00::1"}}, late);
  EXPECT_TRUE(renewed->server_certificate_issued);
  EXPECT_FALSE(security::InspectCertificate(renewed->server.certificate_pem)->NearExpiry(late));
}

TEST_F(StatePkiTest, AFirstStartThatWasInterruptedIsDoneAgain) {
  ASSERT_TRUE(Load());
  // What an interruption before the CA's certificate leaves behind.
  fs::remove(state() / "pki/ca.crt");
  fs::remove(state() / "pki/server.key");
  fs::remove(state() / "pki/server.crt");
  const auto again = Load();
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_TRUE(security::KeyMatchesCertificate(again->ca.key_pem, again->ca.certificate_pem));
}

TEST_F(StatePkiTest, AnInterruptedRenewalIsDoneAgain) {
  const auto first = Load();
  // The new key was written, the certificate was not.
  ASSERT_TRUE(security::WriteSecretFile(state() / "pki/server.key",
                                        security::CreateKeyAndRequest()->key_pem));
  const auto second = Load();
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_TRUE(second->server_certificate_issued);
  EXPECT_EQ(second->ca_fingerprint, first->ca_fingerprint);
}

TEST_F(StatePkiTest, ACaIsNeverReplaced) {
  ASSERT_TRUE(Load());
  for (const char* name : {"pki/ca.key", "pki/ca.crt", "token.key"}) {
    const std::string content = *security::ReadSecretFile(state() / name);
    fs::remove(state() / name);
    const auto missing = Load();
    ASSERT_FALSE(missing) << name;
    EXPECT_EQ(missing.error().reason, ErrorReason::kCorruptState);
    EXPECT_THAT(missing.error().message, HasSubstr(name));
    ASSERT_TRUE(security::WriteSecretFile(state() / name, content.substr(0, content.size() / 2)));
    const auto damaged = Load();
    ASSERT_FALSE(damaged) << name;
    EXPECT_EQ(damaged.error().reason, ErrorReason::kCorruptState);
    ASSERT_TRUE(security::WriteSecretFile(state() / name, content));
  }
  EXPECT_TRUE(Load());
}

TEST_F(StatePkiTest, AKeyThatOthersCanReadIsNotUsed) {
  ASSERT_TRUE(Load());
  fs::permissions(state() / "pki/ca.key", fs::perms(0644));
  const auto loaded = Load();
  ASSERT_FALSE(loaded);
  EXPECT_THAT(loaded.error().message, HasSubstr("chmod 600"));
}

}  // namespace
}  // namespace muster::server
