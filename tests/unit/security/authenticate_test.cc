#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "security/pki.h"
#include "security/token.h"
#include "server/auth/authenticator.h"
#include "server/auth/principal.h"
#include "server/auth/token_mint.h"

namespace muster::server {
namespace {

using scheduler::Principal;
using scheduler::Role;
using ::testing::HasSubstr;
using ::testing::Not;

const TimePoint kNow = FromMicros(1'790'000'000'000'000);

class Authentication : public ::testing::Test {
 protected:
  Authentication() {
    scheduler::Token token;
    token.id = id_;
    token.workspace = WorkspaceName("vision");
    token.user = UserName("ada");
    token.role = Role::kUser;
    token.secret_hash = security::HashSecret(secret_);
    token.expires = kNow + std::chrono::hours(1);
    state_.tokens[id_] = token;
  }

  Result<Principal> Try(const Credentials& credentials) {
    return Authenticate(credentials, *MakeIdentities(state_), kNow);
  }
  Result<Principal> TryToken(const std::string& authorization) {
    return Try({authorization, {}, {}});
  }
  std::string Good() const {
    return security::AuthorizationValue(security::FormatBearer({id_, secret_}));
  }

  scheduler::State state_;
  const TokenId id_{"0123456789abcdef"};
  const std::string secret_ = security::DeriveSecret("key", id_);
};

TEST_F(Authentication, AValidTokenSaysWhoCalls) {
  const auto principal = TryToken(Good());
  ASSERT_TRUE(principal) << principal.error().message;
  EXPECT_EQ(principal->role, Role::kUser);
  EXPECT_EQ(principal->user.str(), "ada");
  EXPECT_EQ(principal->workspace.str(), "vision");
  EXPECT_EQ(principal->token, id_);
}

TEST_F(Authentication, WhatIsNoTokenOfOursIsRefusedAndNotEchoed) {
  std::string wrong_secret = Good();
  wrong_secret.back() = wrong_secret.back() == 'A' ? 'B' : 'A';
  const std::string wrong_id =
      security::AuthorizationValue(security::FormatBearer({TokenId("fedcba9876543210"), secret_}));
  for (const std::string& text :
       {wrong_secret, wrong_id, std::string("Bearer"), std::string("garbage"),
        "Basic " + Good().substr(7), Good() + "x"}) {
    const auto principal = TryToken(text);
    ASSERT_FALSE(principal) << text;
    EXPECT_EQ(principal.error().code, ErrorCode::kUnauthenticated);
    EXPECT_EQ(principal.error().reason, ErrorReason::kBadToken);
    EXPECT_THAT(principal.error().message, Not(HasSubstr(secret_.substr(0, 20))));
  }
  EXPECT_EQ(Try({}).error().reason, ErrorReason::kBadToken);
}

TEST_F(Authentication, AnUnknownTokenAndAWrongSecretLookTheSame) {
  std::string wrong_secret = Good();
  wrong_secret.back() = wrong_secret.back() == 'A' ? 'B' : 'A';
  const auto known = TryToken(wrong_secret);
  state_.tokens.clear();
  EXPECT_EQ(known.error(), TryToken(wrong_secret).error());
}

TEST_F(Authentication, ExpiredAndRevokedAreToldOnlyToWhoKnowsTheSecret) {
  std::string wrong_secret = Good();
  wrong_secret.back() = wrong_secret.back() == 'A' ? 'B' : 'A';
  state_.tokens[id_].expires = kNow;
  EXPECT_EQ(TryToken(Good()).error().reason, ErrorReason::kExpiredToken);
  EXPECT_EQ(TryToken(wrong_secret).error().reason, ErrorReason::kBadToken);
  state_.tokens[id_].revoked = true;
  EXPECT_EQ(TryToken(Good()).error().reason, ErrorReason::kRevoked);
  EXPECT_EQ(TryToken(wrong_secret).error().reason, ErrorReason::kBadToken);
}

class NodeAuthentication : public Authentication {
 protected:
  // The node joins with this key; its earlier one is void.
  void Join(const std::string& certificate_pem) {
    scheduler::Node node;
    node.id = NodeId("n1");
    node.pool = {WorkspaceName("vision"), PoolName("cpu")};
    node.certificate_fingerprint = *security::KeyFingerprintOf(certificate_pem);
    state_.nodes[node.id] = node;
  }
  Result<Principal> TryNode(const std::string& certificate_pem, const char* node) {
    return Try({{}, *security::KeyFingerprintOf(certificate_pem), node});
  }
  std::string Issue(const std::string& request) {
    return *security::IssueNodeCertificate(ca_, NodeId("n1"), request, kNow);
  }

  const security::KeyAndCertificate ca_ = *security::CreateCa(kNow);
};

TEST_F(NodeAuthentication, ACertificateOfAKnownNodesKeySaysWhichNodeCalls) {
  const std::string pem = Issue(security::CreateKeyAndRequest()->signing_request_pem);
  Join(pem);
  const auto principal = TryNode(pem, "n1");
  ASSERT_TRUE(principal) << principal.error().message;
  EXPECT_EQ(principal->role, Role::kNode);
  EXPECT_EQ(principal->node.str(), "n1");
  EXPECT_EQ(principal->workspace.str(), "vision");
  EXPECT_EQ(principal->certificate_fingerprint, security::KeyFingerprintOf(pem));

  EXPECT_EQ(TryNode(pem, "n2").error().reason, ErrorReason::kRevoked);
  state_.nodes.clear();
  EXPECT_EQ(TryNode(pem, "n1").error().reason, ErrorReason::kRevoked) << "a removed node";
}

TEST_F(NodeAuthentication, ANodeThatJoinedAnewVoidsTheCertificateOfItsOldKey) {
  const std::string old_pem = Issue(security::CreateKeyAndRequest()->signing_request_pem);
  Join(old_pem);
  Join(Issue(security::CreateKeyAndRequest()->signing_request_pem));
  EXPECT_EQ(TryNode(old_pem, "n1").error().reason, ErrorReason::kRevoked);
}

TEST_F(NodeAuthentication, ARenewedCertificateThatNeverArrivedDoesNotLockTheNodeOut) {
  const auto pair = security::CreateKeyAndRequest();
  const std::string old_pem = Issue(pair->signing_request_pem);
  Join(old_pem);
  const auto request = security::CreateRequest(pair->key_pem);
  ASSERT_TRUE(request) << request.error().message;
  Join(Issue(*request));
  EXPECT_TRUE(TryNode(old_pem, "n1"));
}

TEST_F(Authentication, ABadTokenIsNotMadeGoodByACertificate) {
  const auto ca = security::CreateCa(kNow);
  const auto pem = security::IssueNodeCertificate(
      *ca, NodeId("n1"), security::CreateKeyAndRequest()->signing_request_pem, kNow);
  scheduler::Node node;
  node.certificate_fingerprint = *security::KeyFingerprintOf(*pem);
  state_.nodes[NodeId("n1")] = node;
  EXPECT_FALSE(Try({"Bearer nonsense", *security::KeyFingerprintOf(*pem), "n1"}));
}

TEST(Authorization, UnknownMethodsAndWrongRolesAreToldApart) {
  Principal viewer;
  viewer.role = Role::kViewer;
  EXPECT_TRUE(Authorize(viewer, "/muster.v1.JobService/GetJob"));
  EXPECT_EQ(Authorize(viewer, "/muster.v1.JobService/SubmitJob").error().code,
            ErrorCode::kPermissionDenied);
  EXPECT_EQ(Authorize(viewer, "/muster.v1.JobService/EatJob").error().code,
            ErrorCode::kUnimplemented);
}

TEST(Workspaces, APrincipalActsInItsOwnAndTheDefaultAdminInAll) {
  Principal user;
  user.role = Role::kUser;
  user.workspace = WorkspaceName("vision");
  EXPECT_EQ(WorkspaceFor(user, "vision")->str(), "vision");
  EXPECT_EQ(WorkspaceFor(user, "").error().reason, ErrorReason::kWrongWorkspace);
  EXPECT_EQ(WorkspaceFor(user, "speech").error().code, ErrorCode::kPermissionDenied);

  Principal admin = user;
  admin.role = Role::kAdmin;
  EXPECT_FALSE(WorkspaceFor(admin, "speech")) << "an admin, but not of default";
  admin.workspace = WorkspaceName("default");
  EXPECT_EQ(WorkspaceFor(admin, "speech")->str(), "speech");
  EXPECT_EQ(WorkspaceFor(admin, "")->str(), "default");
  user.workspace = WorkspaceName("default");
  EXPECT_FALSE(WorkspaceFor(user, "speech")) << "of default, but no admin";
}

TEST(TokenMint, ARepeatedOrderGetsTheSameTextAndTheTextAuthenticates) {
  const TokenMint mint("key", Sha256("ca"));
  const TokenOrder order{
      WorkspaceName("default"),     UserName("ada"),        Role::kJoin, PoolName("cpu"),
      kNow + std::chrono::hours(1), {"request 1", Digest()}};
  const MintedToken minted = mint.Mint(order);
  EXPECT_EQ(minted.text, mint.Mint(order).text);
  EXPECT_THAT(minted.text, ::testing::StartsWith("mjn1."));
  EXPECT_EQ(minted.command.definition.pool.str(), "cpu");

  const auto parsed = security::ParseToken(minted.text);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->id, minted.command.definition.id);
  EXPECT_EQ(security::HashSecret(parsed->secret), minted.command.definition.secret_hash);
  EXPECT_EQ(parsed->ca_fingerprint, Sha256("ca"));
}

TEST(TokenMint, FirstTokensAreTheSameAfterAnInterruptedFirstStart) {
  const TokenMint mint("key", Sha256("ca"));
  const TimePoint later = kNow + std::chrono::minutes(1);
  EXPECT_EQ(mint.FirstAdminToken(kNow).text, mint.FirstAdminToken(later).text);
  EXPECT_EQ(mint.FirstAdminToken(kNow).command.idempotency.request_digest,
            mint.FirstAdminToken(later).command.idempotency.request_digest);
  EXPECT_NE(mint.FirstAdminToken(kNow).text, mint.FirstJoinToken(kNow).text);
  EXPECT_EQ(mint.FirstAdminToken(kNow).command.definition.role, Role::kAdmin);
  EXPECT_EQ(mint.FirstJoinToken(kNow).command.definition.pool.str(), "default");
}

}  // namespace
}  // namespace muster::server
