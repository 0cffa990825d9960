#include "agent/session/identity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <future>

#include "agent/session/enrolment.h"
#include "agent/session/node_directory.h"
#include "muster/v1/agent.pb.h"
#include "security/pki.h"
#include "security/secret_file.h"
#include "tests/unit/agent/temporary_directory.h"

namespace muster::agent {
namespace {

const NodeId kNode("node1");

struct Pair {
  std::string key;
  std::string certificate;
};

class IdentityTest : public testing::Test {
 protected:
  Pair Issue(TimePoint now) {
    const auto pair = security::CreateKeyAndRequest();
    return {pair->key_pem,
            *security::IssueNodeCertificate(ca_, kNode, pair->signing_request_pem, now)};
  }
  Identity Enrol(const Pair& pair) {
    const Identity identity{kNode, "head:7677", pair.key, pair.certificate, ca_.certificate_pem};
    EXPECT_TRUE(store_.SaveKey(pair.key));
    EXPECT_TRUE(store_.SaveEnrolled(identity));
    return identity;
  }

  const TimePoint now_ = ReadClock().wall;
  security::KeyAndCertificate ca_ = *security::CreateCa(now_);
  TemporaryDirectory directory_;
  IdentityStore store_{directory_.path()};
};

TEST_F(IdentityTest, ANewDirectoryHasNone) {
  const auto identity = store_.Load();
  ASSERT_TRUE(identity);
  EXPECT_FALSE(*identity);
}

TEST_F(IdentityTest, WhatWasEnrolledIsLoadedAndNobodyElsesToRead) {
  const Identity enrolled = Enrol(Issue(now_));
  const auto loaded = store_.Load();
  ASSERT_TRUE(loaded && *loaded);
  EXPECT_EQ((*loaded)->node, kNode);
  EXPECT_EQ((*loaded)->key_pem, enrolled.key_pem);
  EXPECT_EQ((*loaded)->certificate_pem, enrolled.certificate_pem);
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory_.path())) {
    struct stat info {};
    ASSERT_EQ(stat(entry.path().c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777U, 0600U) << entry.path();
    ++files;
  }
  EXPECT_EQ(files, 4);
}

TEST_F(IdentityTest, AnEnrolmentThatWasCutOffIsNoIdentity) {
  ASSERT_TRUE(store_.SaveKey(Issue(now_).key));
  const auto identity = store_.Load();
  ASSERT_TRUE(identity);
  EXPECT_FALSE(*identity);
}

TEST_F(IdentityTest, ARenewedCertificateIsForTheSameKey) {
  Enrol(Issue(now_));
  const auto key = store_.LoadKey();
  ASSERT_TRUE(key && *key);
  const auto renewed =
      security::IssueNodeCertificate(ca_, kNode, *security::CreateRequest(**key), now_);
  ASSERT_TRUE(renewed);
  ASSERT_TRUE(store_.SaveCertificate(*renewed));
  const auto loaded = IdentityStore(directory_.path()).Load();
  ASSERT_TRUE(loaded && *loaded);
  EXPECT_EQ((*loaded)->certificate_pem, *renewed);
  EXPECT_EQ((*loaded)->key_pem, **key);
}

TEST_F(IdentityTest, AKeyThatOthersMayReadIsRefused) {
  Enrol(Issue(now_));
  ASSERT_EQ(chmod((directory_ / "key.pem").c_str(), 0644), 0);
  const auto loaded = store_.Load();
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, ErrorCode::kFailedPrecondition);
}

TEST_F(IdentityTest, AKeyOfAnotherCertificateIsRefused) {
  Enrol(Issue(now_));
  ASSERT_TRUE(security::WriteSecretFile(directory_ / "key.pem", Issue(now_).key));
  EXPECT_FALSE(store_.Load());
}

TEST_F(IdentityTest, RenewalIsDueWhenAThirdIsLeft) {
  const Identity identity = Enrol(Issue(now_));
  EXPECT_FALSE(NeedsRenewal(identity, now_ + security::kNodeCertificateLifetime / 2));
  EXPECT_TRUE(NeedsRenewal(identity, now_ + security::kNodeCertificateLifetime * 3 / 4));
}

TEST_F(IdentityTest, WithoutTokenAndIdentityTheNodeCannotJoin) {
  StopSignal stop;
  const auto identity = LoadOrEnrol(store_, {"head:1", kNode, ""}, {}, {}, stop);
  ASSERT_FALSE(identity);
  EXPECT_THAT(identity.error().message, testing::HasSubstr("join token"));
}

TEST_F(IdentityTest, ADirectoryOfAnotherNodeIsRefused) {
  Enrol(Issue(now_));
  StopSignal stop;
  const auto identity = LoadOrEnrol(store_, {"head:1", NodeId("node2"), ""}, {}, {}, stop);
  ASSERT_FALSE(identity);
  EXPECT_THAT(identity.error().message, testing::HasSubstr("node1"));
}

TEST(NodeDirectory, HasOneAgentAtATime) {
  const TemporaryDirectory directory;
  auto first = NodeDirectory::Open(directory / "node");
  ASSERT_TRUE(first) << first.error().message;
  const auto second = NodeDirectory::Open(directory / "node");
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().reason, ErrorReason::kStateLocked);
  first->reset();
  EXPECT_TRUE(NodeDirectory::Open(directory / "node"));
}

TEST(NodeDirectory, AVirtualNodeCanBeRebootedAlone) {
  const TemporaryDirectory temporary;
  const auto directory = NodeDirectory::Open(temporary.path());
  ASSERT_TRUE(directory);
  const std::string machine = *(*directory)->ReadBootId(true);
  temporary.Write("boot-id", "second\n");
  EXPECT_EQ(*(*directory)->ReadBootId(true), machine + "-second");
  EXPECT_EQ(*(*directory)->ReadBootId(false), machine);
}

TEST_F(IdentityTest, AnExpiredCertificateIsNotUsedAndTheAgentWaitsToJoinAgain) {
  Enrol(Issue(now_ - std::chrono::hours(24 * 365)));
  StopSignal stop;
  auto joined = std::async(std::launch::async, [&] {
    return LoadOrEnrol(store_, {"127.0.0.1:1", kNode, ""}, {},
                       {std::chrono::hours(1), std::chrono::hours(1)}, stop);
  });
  stop.Set();
  const auto identity = joined.get();
  ASSERT_FALSE(identity);
  EXPECT_EQ(identity.error().code, ErrorCode::kCancelled);
}

}  // namespace
}  // namespace muster::agent
