// What the services check before they post anything: names, keys, signing requests; and how errors
// travel.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "muster/v1/cluster.pb.h"
#include "muster/v1/common.pb.h"
#include "server/auth/enrollment.h"
#include "server/rpc/idempotency.h"
#include "server/rpc/names.h"
#include "server/rpc/status.h"

namespace muster::server {
namespace {

using scheduler::Principal;
using scheduler::Role;
using ::testing::HasSubstr;

const TimePoint kNow = FromMicros(1'790'000'000'000'000);

bool Accepts(void (*check)(std::string_view, std::string_view, std::vector<Fault>&),
             const std::string& value) {
  std::vector<Fault> faults;
  check("field", value, faults);
  return faults.empty();
}

TEST(Names, FollowTheirRules) {
  EXPECT_TRUE(Accepts(CheckWorkspaceName, "default"));
  EXPECT_FALSE(Accepts(CheckWorkspaceName, ""));
  EXPECT_FALSE(Accepts(CheckWorkspaceName, "1st"));
  EXPECT_FALSE(Accepts(CheckWorkspaceName, std::string(65, 'a')));
  EXPECT_TRUE(Accepts(CheckPoolName, "cpu-2"));
  EXPECT_FALSE(Accepts(CheckPoolName, "c"));
  EXPECT_FALSE(Accepts(CheckPoolName, "Cpu"));
  EXPECT_FALSE(Accepts(CheckPoolName, std::string(25, 'a')));
  EXPECT_TRUE(Accepts(CheckNodeId, "4-n"));
  EXPECT_FALSE(Accepts(CheckNodeId, "-n"));
  EXPECT_FALSE(Accepts(CheckNodeId, "n/../m"));
  EXPECT_TRUE(Accepts(CheckDatastoreName, "Digits_1"));
  EXPECT_FALSE(Accepts(CheckDatastoreName, "digits-1"));
  EXPECT_TRUE(Accepts(CheckUserName, "ada@example.org"));
  EXPECT_FALSE(Accepts(CheckUserName, "ada lovelace"));
  EXPECT_TRUE(Accepts(CheckHost, "fd00::1"));
  EXPECT_FALSE(Accepts(CheckHost, "--launch-agent"));
  EXPECT_FALSE(Accepts(CheckHost, "a b"));
}

TEST(Idempotency, KeysArePrintableAndBounded) {
  for (const std::string& bad :
       {std::string(), std::string(129, 'a'), std::string("a\n"), std::string("\xC3\xA4")}) {
    std::vector<Fault> faults;
    CheckRequestId(bad, faults);
    EXPECT_EQ(faults.size(), 1U) << bad;
  }
  std::vector<Fault> faults;
  CheckRequestId(std::string(128, '~'), faults);
  EXPECT_TRUE(faults.empty());
}

TEST(Faults, ShowNoHalfCharacter) {
  std::string umlauts = "x";
  for (int i = 0; i < 100; ++i) umlauts += "\xc3\xa4";
  std::vector<Fault> faults;
  CheckRequestId(umlauts, faults);
  EXPECT_EQ(faults.front().value.size(), 127U);
  EXPECT_NE(InvalidRequest(faults).message.find(", not \"" + umlauts.substr(0, 99) + "\""),
            std::string::npos);
}

TEST(Idempotency, TheDigestTellsRequestsUsersAndMethodsApartButNotKeys) {
  Principal ada;
  ada.user = UserName("ada");
  Principal bob;
  bob.user = UserName("bob");
  v1::DeletePoolRequest request;
  request.set_name("cpu");
  request.set_request_id("key 1");
  const auto first = IdempotencyOf("/s/Delete", ada, request);
  EXPECT_EQ(first.key, "key 1");

  v1::DeletePoolRequest same = request;
  same.set_request_id("key 2");
  EXPECT_EQ(IdempotencyOf("/s/Delete", ada, same).request_digest, first.request_digest);
  EXPECT_NE(IdempotencyOf("/s/Delete", bob, request).request_digest, first.request_digest);
  EXPECT_NE(IdempotencyOf("/s/Drop", ada, request).request_digest, first.request_digest);
  v1::DeletePoolRequest other = request;
  other.set_name("gpu");
  EXPECT_NE(IdempotencyOf("/s/Delete", ada, other).request_digest, first.request_digest);
}

TEST(GrpcStatus, CarriesCodeReasonAndFaults) {
  const grpc::Status status = ToGrpcStatus(
      InvalidRequest({{"name", "C", "must be long"}, {"max_nodes", "0", "must be 1 to 10000"}}));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("the request has 2 faults"));
  EXPECT_THAT(status.error_message(), HasSubstr("max_nodes: must be 1 to 10000"));
  v1::ErrorDetail detail;
  ASSERT_TRUE(detail.ParseFromString(status.error_details()));
  EXPECT_EQ(detail.reason(), "INVALID_SPEC");
  ASSERT_EQ(detail.faults_size(), 2);
  EXPECT_EQ(detail.faults(1).field(), "max_nodes");
}

TEST(GrpcStatus, StaysWithinWhatAPeerTakesAsMetadata) {
  std::vector<Fault> faults;
  for (int i = 0; i < 1'000; ++i)
    faults.push_back({"field", std::string(250, 'x'), "is w\xC3\xA4rong"});
  faults[0].value = std::string(199, 'x') + "\xC3\xA4";
  const grpc::Status status = ToGrpcStatus(InvalidRequest(faults));
  EXPECT_LT(status.error_message().size() + status.error_details().size() * 4 / 3, 7'500U);
  v1::ErrorDetail detail;
  ASSERT_TRUE(detail.ParseFromString(status.error_details()));
  EXPECT_EQ(detail.faults(0).value(), std::string(199, 'x')) << "no half of a character";
}

class Enrolling : public ::testing::Test {
 protected:
  Enrolling() {
    scheduler::State state;
    scheduler::Token token;
    token.role = Role::kJoin;
    token.workspace = WorkspaceName("default");
    token.pool = PoolName("cpu");
    state.tokens[TokenId("0123456789abcdef")] = token;
    identities_.Publish(MakeIdentities(state));
    joiner_.role = Role::kJoin;
    joiner_.token = TokenId("0123456789abcdef");
    request_.set_node_id("n1");
    request_.set_signing_request_pem(security::CreateKeyAndRequest()->signing_request_pem);
    v1::NodeFacts& facts = *request_.mutable_facts();
    facts.set_host_name("n1");
    facts.set_address("10.0.0.1");
    facts.set_slots(4);
    facts.set_boot_id("boot 1");
  }

  IdentitiesHolder identities_;
  const Enrollment enrollment_{*security::CreateCa(kNow), identities_};
  Principal joiner_;
  v1::EnrollRequest request_;
};

TEST_F(Enrolling, AJoinTokenGetsACertificateForTheNodeInTheTokensPool) {
  const auto enrolled = enrollment_.Enroll(joiner_, request_, kNow);
  ASSERT_TRUE(enrolled) << enrolled.error().message;
  EXPECT_EQ(enrolled->command.node.str(), "n1");
  EXPECT_EQ(enrolled->command.pool.str(), "cpu");
  EXPECT_EQ(enrolled->command.facts.slots, 4U);
  const auto info = security::InspectCertificate(enrolled->certificate_pem);
  EXPECT_EQ(info->common_name, "n1");
  EXPECT_EQ(security::KeyFingerprintOf(enrolled->certificate_pem),
            enrolled->command.certificate_fingerprint);
}

TEST_F(Enrolling, AllFaultsAreListedAtOnce) {
  request_.set_node_id("N 1");
  request_.set_signing_request_pem("garbage");
  request_.mutable_facts()->set_slots(0);
  request_.mutable_facts()->set_address("");
  const auto enrolled = enrollment_.Enroll(joiner_, request_, kNow);
  ASSERT_FALSE(enrolled);
  std::vector<std::string> fields;
  for (const Fault& fault : enrolled.error().faults) fields.push_back(fault.field);
  EXPECT_THAT(fields, ::testing::UnorderedElementsAre("node_id", "signing_request_pem",
                                                      "facts.slots", "facts.address"));
}

TEST_F(Enrolling, OnlyAJoinTokenEnrollsAndOnlyANodeRenewsItsOwn) {
  Principal user = joiner_;
  user.role = Role::kUser;
  EXPECT_EQ(enrollment_.Enroll(user, request_, kNow).error().code, ErrorCode::kPermissionDenied);

  v1::RenewCertificateRequest renewal;
  renewal.set_signing_request_pem(request_.signing_request_pem());
  EXPECT_EQ(enrollment_.Renew(joiner_, renewal, kNow).error().code, ErrorCode::kPermissionDenied);
  Principal node;
  node.role = Role::kNode;
  node.node = NodeId("n7");
  const auto renewed = enrollment_.Renew(node, renewal, kNow);
  ASSERT_TRUE(renewed) << renewed.error().message;
  EXPECT_EQ(security::InspectCertificate(renewed->certificate_pem)->common_name, "n7");
  EXPECT_EQ(renewed->command.node.str(), "n7");
}

}  // namespace
}  // namespace muster::server
