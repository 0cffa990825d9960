// The services of operators over real TLS connections and the real core.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "muster/v1/admin.grpc.pb.h"
#include "muster/v1/cluster.grpc.pb.h"
#include "muster/v1/common.pb.h"
#include "server/rpc/admin_service.h"
#include "server/rpc/datastore_service.h"
#include "server/rpc/node_service.h"
#include "server/rpc/pool_service.h"
#include "tests/unit/security/inline_loop.h"
#include "tests/unit/security/secure_server.h"

namespace muster::server {
namespace {

using grpc::StatusCode;
using scheduler::Role;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

const TlsPolicyApplied kTlsPolicyApplied;

class OperatorServices : public ::testing::Test {
 protected:
  // Calls `method` of `stub` as `role`.
  template <class Stub, class Request, class Reply>
  grpc::Status As(Role role, Stub& stub,
                  grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Reply*),
                  const Request& request, Reply* reply) {
    grpc::ClientContext context;
    context.AddMetadata(security::kAuthorizationKey, server_.AuthorizationOf(role));
    return (stub.*method)(&context, request, reply);
  }
  template <class Stub, class Request, class Reply>
  grpc::Status AsAdmin(Stub& stub,
                       grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Reply*),
                       const Request& request, Reply* reply) {
    return As(Role::kAdmin, stub, method, request, reply);
  }

  grpc::Status CreatePool(const std::string& name, const std::string& request_id,
                          std::uint32_t max_nodes = 4) {
    v1::CreatePoolRequest request;
    request.mutable_pool()->set_name(name);
    request.mutable_pool()->set_slots_per_node(4);
    request.mutable_pool()->set_max_nodes(max_nodes);
    request.set_request_id(request_id);
    v1::CreatePoolReply reply;
    return AsAdmin(*pools_, &v1::PoolService::Stub::CreatePool, request, &reply);
  }

  void CreateWorkspace(const std::string& name) {
    v1::CreateWorkspaceRequest request;
    request.set_name(name);
    request.set_request_id("workspace " + name);
    v1::CreateWorkspaceReply reply;
    const auto status = AsAdmin(*admin_, &v1::AdminService::Stub::CreateWorkspace, request, &reply);
    ASSERT_TRUE(status.ok()) << status.error_message();
  }

  void Enroll(const std::string& id, const std::string& pool) {
    scheduler::Principal joiner;
    joiner.role = Role::kJoin;
    joiner.workspace = WorkspaceName("default");
    const auto reply =
        loop_.Run({joiner, scheduler::EnrollNode{NodeId(id),
                                                 {"host-" + id, "10.0.0.1", 4, "boot 1", "0.1"},
                                                 Sha256(id),
                                                 PoolName(pool)}});
    ASSERT_TRUE(reply) << reply.error().message;
  }

  // From now on the token of this role is bound to another workspace.
  void BindToWorkspace(Role role, const std::string& workspace) {
    server_.state().tokens[server_.TokenOf(role)].workspace = WorkspaceName(workspace);
    server_.Publish();
  }

  static std::vector<std::string> FaultFields(const grpc::Status& status) {
    v1::ErrorDetail detail;
    EXPECT_TRUE(detail.ParseFromString(status.error_details()));
    std::vector<std::string> fields;
    for (const v1::Fault& fault : detail.faults()) fields.push_back(fault.field());
    return fields;
  }

  InlineLoop loop_;
  const TokenMint mint_{"key of the server", Sha256("the CA")};
  AdminService admin_service_{loop_, mint_, {"1.2.3", FromMicros(77), [] {
                                               return DiskFacts{1'000, 256};
                                             }}};
  NodeService node_service_{loop_};
  PoolService pool_service_{loop_};
  DatastoreService datastore_service_{loop_, [] {}};
  SecureServer server_{{&admin_service_, &node_service_, &pool_service_, &datastore_service_}};
  const std::shared_ptr<grpc::Channel> channel_ = server_.Connect();
  std::unique_ptr<v1::AdminService::Stub> admin_ = v1::AdminService::NewStub(channel_);
  std::unique_ptr<v1::NodeService::Stub> nodes_ = v1::NodeService::NewStub(channel_);
  std::unique_ptr<v1::PoolService::Stub> pools_ = v1::PoolService::NewStub(channel_);
  std::unique_ptr<v1::DatastoreService::Stub> datastores_ = v1::DatastoreService::NewStub(channel_);
};

TEST_F(OperatorServices, ACreatedPoolIsListedAndARepetitionIsAnsweredAsBefore) {
  ASSERT_TRUE(CreatePool("cpu", "key 1").ok());
  EXPECT_TRUE(CreatePool("cpu", "key 1").ok());
  EXPECT_EQ(CreatePool("cpu", "key 1", 5).error_code(), StatusCode::ALREADY_EXISTS)
      << "another request under the same key";
  EXPECT_EQ(CreatePool("cpu", "key 2").error_code(), StatusCode::ALREADY_EXISTS);

  v1::ListPoolsReply reply;
  ASSERT_TRUE(As(Role::kViewer, *pools_, &v1::PoolService::Stub::ListPools, {}, &reply).ok());
  const auto cpu = std::find_if(reply.pools().begin(), reply.pools().end(),
                                [](const v1::Pool& pool) { return pool.name() == "cpu"; });
  ASSERT_NE(cpu, reply.pools().end());
  EXPECT_EQ(cpu->workspace(), "default");
  EXPECT_EQ(cpu->slots_per_node(), 4U);
  EXPECT_EQ(cpu->max_nodes(), 4U);
  EXPECT_EQ(cpu->sharing(), v1::SHARING_MODE_EXCLUSIVE);
}

TEST_F(OperatorServices, AllFaultsOfARequestAreListedAtOnce) {
  v1::CreatePoolRequest request;
  request.mutable_pool()->set_name("C");
  request.mutable_pool()->set_min_nodes(7);
  request.mutable_pool()->set_max_nodes(3);
  request.mutable_pool()->set_sharing(static_cast<v1::SharingMode>(9));
  v1::CreatePoolReply reply;
  const auto status = AsAdmin(*pools_, &v1::PoolService::Stub::CreatePool, request, &reply);
  EXPECT_EQ(status.error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(FaultFields(status), ElementsAre("pool.name", "pool.slots_per_node", "pool.min_nodes",
                                               "pool.sharing", "request_id"));
  EXPECT_THAT(status.error_message(), HasSubstr("2 to 24 characters"));
}

TEST_F(OperatorServices, APoolIsChangedInPartsAndDeleted) {
  ASSERT_TRUE(CreatePool("cpu", "key 1").ok());
  v1::UpdatePoolRequest update;
  update.set_name("cpu");
  update.set_min_nodes(2);
  update.set_request_id("key 2");
  v1::UpdatePoolReply updated;
  ASSERT_TRUE(AsAdmin(*pools_, &v1::PoolService::Stub::UpdatePool, update, &updated).ok());
  const scheduler::PoolKey key{WorkspaceName("default"), PoolName("cpu")};
  EXPECT_EQ(loop_.state().pools.at(key).min_nodes, 2U);
  EXPECT_EQ(loop_.state().pools.at(key).max_nodes, 4U);

  v1::DeletePoolRequest remove;
  remove.set_name("cpu");
  remove.set_request_id("key 3");
  v1::DeletePoolReply removed;
  ASSERT_TRUE(AsAdmin(*pools_, &v1::PoolService::Stub::DeletePool, remove, &removed).ok());
  EXPECT_FALSE(loop_.state().pools.contains(key));
}

TEST_F(OperatorServices, ACreatedTokenLogsInAndARevokedOneNoLonger) {
  v1::CreateTokenRequest request;
  request.set_user("ada");
  request.set_role(v1::ROLE_VIEWER);
  request.set_request_id("key 1");
  v1::CreateTokenReply reply;
  ASSERT_TRUE(AsAdmin(*admin_, &v1::AdminService::Stub::CreateToken, request, &reply).ok());
  v1::CreateTokenReply again;
  ASSERT_TRUE(AsAdmin(*admin_, &v1::AdminService::Stub::CreateToken, request, &again).ok());
  EXPECT_EQ(reply.token(), again.token());

  const auto token = security::ParseToken(reply.token());
  ASSERT_TRUE(token);
  EXPECT_EQ(token->id.str(), reply.token_id());
  EXPECT_EQ(token->ca_fingerprint, Sha256("the CA"));
  const auto list_with_it = [&] {
    server_.state().tokens[token->id] = loop_.state().tokens.at(token->id);
    server_.Publish();
    grpc::ClientContext context;
    context.AddMetadata(security::kAuthorizationKey,
                        security::AuthorizationValue(security::BearerOf(*token)));
    v1::ListPoolsReply pools;
    return pools_->ListPools(&context, {}, &pools);
  };
  EXPECT_TRUE(list_with_it().ok());

  v1::RevokeTokenRequest revoke;
  revoke.set_token_id(reply.token_id());
  revoke.set_request_id("key 2");
  v1::RevokeTokenReply revoked;
  ASSERT_TRUE(AsAdmin(*admin_, &v1::AdminService::Stub::RevokeToken, revoke, &revoked).ok());
  EXPECT_EQ(list_with_it().error_code(), StatusCode::UNAUTHENTICATED);

  v1::ListTokensReply tokens;
  ASSERT_TRUE(AsAdmin(*admin_, &v1::AdminService::Stub::ListTokens, {}, &tokens).ok());
  ASSERT_EQ(tokens.tokens_size(), 1);
  EXPECT_EQ(tokens.tokens(0).user(), "ada");
  EXPECT_TRUE(tokens.tokens(0).revoked());
  EXPECT_THAT(tokens.DebugString(), Not(HasSubstr(token->secret)));
}

TEST_F(OperatorServices, TokensOfOtherRolesAndLifetimesAreRefused) {
  v1::CreateTokenRequest request;
  request.set_user("a b");
  request.set_role(v1::ROLE_NODE);
  request.set_expires_in_s(std::int64_t{3'660} * 24 * 3'600);
  request.set_request_id("key 1");
  v1::CreateTokenReply reply;
  const auto status = AsAdmin(*admin_, &v1::AdminService::Stub::CreateToken, request, &reply);
  EXPECT_THAT(FaultFields(status), ElementsAre("user", "role", "expires_in_s"));
}

TEST_F(OperatorServices, AWholeTokenGivenForAnIdIsNotEchoed) {
  const std::string text = "mst1.0123456789abcdef.secretsecretsecret";
  v1::RevokeTokenRequest revoke;
  revoke.set_token_id(text);
  revoke.set_request_id("key 1");
  v1::RevokeTokenReply reply;
  const auto status = AsAdmin(*admin_, &v1::AdminService::Stub::RevokeToken, revoke, &reply);
  EXPECT_EQ(status.error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), Not(HasSubstr("secretsecret")));
  EXPECT_THAT(status.error_details(), Not(HasSubstr("secretsecret")));
}

TEST_F(OperatorServices, AJoinTokenIsOfAPoolThatExists) {
  v1::CreateJoinTokenRequest request;
  request.set_pool("cpu");
  request.set_request_id("key 1");
  v1::CreateJoinTokenReply reply;
  EXPECT_EQ(
      AsAdmin(*admin_, &v1::AdminService::Stub::CreateJoinToken, request, &reply).error_code(),
      StatusCode::NOT_FOUND);
  ASSERT_TRUE(CreatePool("cpu", "key 2").ok());
  ASSERT_TRUE(AsAdmin(*admin_, &v1::AdminService::Stub::CreateJoinToken, request, &reply).ok());
  EXPECT_EQ(security::ParseToken(reply.token())->kind, security::TokenKind::kJoin);
  EXPECT_EQ(loop_.state().tokens.at(TokenId(reply.token_id())).pool.str(), "cpu");
}

TEST_F(OperatorServices, WorkspacesAreClosedToEachOther) {
  CreateWorkspace("vision");
  BindToWorkspace(Role::kViewer, "vision");
  v1::ListPoolsRequest request;
  v1::ListPoolsReply reply;
  EXPECT_EQ(
      As(Role::kViewer, *pools_, &v1::PoolService::Stub::ListPools, request, &reply).error_code(),
      StatusCode::PERMISSION_DENIED)
      << "\"\" is \"default\"";
  request.set_workspace("vision");
  EXPECT_TRUE(As(Role::kViewer, *pools_, &v1::PoolService::Stub::ListPools, request, &reply).ok());
  EXPECT_TRUE(AsAdmin(*pools_, &v1::PoolService::Stub::ListPools, request, &reply).ok());
  request.set_workspace("speech");
  EXPECT_EQ(AsAdmin(*pools_, &v1::PoolService::Stub::ListPools, request, &reply).error_code(),
            StatusCode::NOT_FOUND);

  v1::ListWorkspacesReply all;
  ASSERT_TRUE(AsAdmin(*admin_, &v1::AdminService::Stub::ListWorkspaces, {}, &all).ok());
  EXPECT_THAT(all.names(), ElementsAre("default", "vision"));
  v1::ListWorkspacesReply own;
  ASSERT_TRUE(As(Role::kViewer, *admin_, &v1::AdminService::Stub::ListWorkspaces, {}, &own).ok());
  EXPECT_THAT(own.names(), ElementsAre("vision"));
}

TEST_F(OperatorServices, TheServersStatusCountsWhatTheCallerMaySee) {
  ASSERT_TRUE(CreatePool("cpu", "key 1").ok());
  Enroll("n1", "cpu");
  CreateWorkspace("vision");
  BindToWorkspace(Role::kViewer, "vision");
  v1::GetServerStatusReply all;
  ASSERT_TRUE(AsAdmin(*admin_, &v1::AdminService::Stub::GetServerStatus, {}, &all).ok());
  EXPECT_EQ(all.nodes(), 1U);
  v1::GetServerStatusReply own;
  ASSERT_TRUE(As(Role::kViewer, *admin_, &v1::AdminService::Stub::GetServerStatus, {}, &own).ok());
  EXPECT_EQ(own.nodes(), 0U);
}

TEST_F(OperatorServices, TokensAreListedInPages) {
  for (const char* user : {"ada", "ben", "cem"}) {
    v1::CreateTokenRequest request;
    request.set_user(user);
    request.set_role(v1::ROLE_USER);
    request.set_request_id(std::string("token of ") + user);
    v1::CreateTokenReply reply;
    ASSERT_TRUE(AsAdmin(*admin_, &v1::AdminService::Stub::CreateToken, request, &reply).ok());
  }
  v1::ListTokensRequest request;
  request.set_page_size(2);
  std::set<std::string> users;
  int pages = 0;
  do {
    v1::ListTokensReply page;
    ASSERT_TRUE(AsAdmin(*admin_, &v1::AdminService::Stub::ListTokens, request, &page).ok());
    for (const v1::TokenInfo& token : page.tokens()) EXPECT_TRUE(users.insert(token.user()).second);
    request.set_page_token(page.next_page_token());
    ++pages;
  } while (!request.page_token().empty());
  EXPECT_EQ(pages, 2);
  EXPECT_THAT(users, ElementsAre("ada", "ben", "cem"));
}

TEST_F(OperatorServices, AnAdminOfAnotherWorkspaceMakesNone) {
  CreateWorkspace("vision");
  BindToWorkspace(Role::kAdmin, "vision");
  v1::CreateWorkspaceRequest request;
  request.set_name("speech");
  request.set_request_id("key 1");
  v1::CreateWorkspaceReply reply;
  EXPECT_EQ(
      AsAdmin(*admin_, &v1::AdminService::Stub::CreateWorkspace, request, &reply).error_code(),
      StatusCode::PERMISSION_DENIED);
}

TEST_F(OperatorServices, ANodeIsShownCordonedDrainedAndRemoved) {
  ASSERT_TRUE(CreatePool("cpu", "key 1").ok());
  Enroll("n1", "cpu");
  v1::GetNodeRequest get;
  get.set_node_id("n1");
  v1::GetNodeReply shown;
  ASSERT_TRUE(As(Role::kViewer, *nodes_, &v1::NodeService::Stub::GetNode, get, &shown).ok());
  EXPECT_EQ(shown.node().pool(), "cpu");
  EXPECT_EQ(shown.node().host_name(), "host-n1");
  EXPECT_FALSE(shown.node().connected());
  EXPECT_THAT(shown.node().reason(), HasSubstr("has not connected since the server started"));

  v1::DrainNodeRequest drain;
  drain.set_node_id("n1");
  drain.set_request_id("key 2");
  v1::DrainNodeReply drained;
  ASSERT_TRUE(AsAdmin(*nodes_, &v1::NodeService::Stub::DrainNode, drain, &drained).ok());
  EXPECT_TRUE(loop_.state().nodes.at(NodeId("n1")).draining);

  v1::CordonNodeRequest uncordon;
  uncordon.set_node_id("n1");
  uncordon.set_request_id("key 3");
  v1::CordonNodeReply uncordoned;
  ASSERT_TRUE(AsAdmin(*nodes_, &v1::NodeService::Stub::CordonNode, uncordon, &uncordoned).ok());
  EXPECT_FALSE(loop_.state().nodes.at(NodeId("n1")).cordoned);
  EXPECT_FALSE(loop_.state().nodes.at(NodeId("n1")).draining) << "this ends a drain, too";

  v1::RemoveNodeRequest remove;
  remove.set_node_id("n1");
  remove.set_request_id("key 4");
  v1::RemoveNodeReply removed;
  ASSERT_TRUE(AsAdmin(*nodes_, &v1::NodeService::Stub::RemoveNode, remove, &removed).ok());
  EXPECT_EQ(As(Role::kViewer, *nodes_, &v1::NodeService::Stub::GetNode, get, &shown).error_code(),
            StatusCode::NOT_FOUND);
}

TEST_F(OperatorServices, NodesAreListedByPoolAndADeclaredLossShowsAsUnusable) {
  ASSERT_TRUE(CreatePool("cpu", "key 1").ok());
  ASSERT_TRUE(CreatePool("gpu", "key 2").ok());
  Enroll("n1", "cpu");
  Enroll("n2", "gpu");
  v1::DeclareNodeLostRequest lose;
  lose.set_node_id("n2");
  lose.set_request_id("key 3");
  v1::DeclareNodeLostReply lost;
  ASSERT_TRUE(AsAdmin(*nodes_, &v1::NodeService::Stub::DeclareNodeLost, lose, &lost).ok());

  v1::ListNodesRequest request;
  v1::ListNodesReply all;
  ASSERT_TRUE(As(Role::kUser, *nodes_, &v1::NodeService::Stub::ListNodes, request, &all).ok());
  EXPECT_EQ(all.nodes_size(), 2);
  request.set_pool("gpu");
  v1::ListNodesReply gpu;
  ASSERT_TRUE(As(Role::kUser, *nodes_, &v1::NodeService::Stub::ListNodes, request, &gpu).ok());
  ASSERT_EQ(gpu.nodes_size(), 1);
  EXPECT_EQ(gpu.nodes(0).state(), v1::NODE_STATE_UNUSABLE);
  EXPECT_THAT(gpu.nodes(0).reason(), HasSubstr("given up as lost"));
  request.set_pool("tpu");
  EXPECT_EQ(As(Role::kUser, *nodes_, &v1::NodeService::Stub::ListNodes, request, &gpu).error_code(),
            StatusCode::NOT_FOUND);
}

TEST_F(OperatorServices, ADatastoreIsKeptInLowerCaseAndReplaced) {
  v1::RegisterDatastoreRequest request;
  request.mutable_datastore()->set_name("Digits");
  request.mutable_datastore()->mutable_local()->set_path("/data/a");
  request.set_request_id("key 0");
  v1::RegisterDatastoreReply reply;
  EXPECT_EQ(
      As(Role::kUser, *datastores_, &v1::DatastoreService::Stub::RegisterDatastore, request, &reply)
          .error_code(),
      StatusCode::PERMISSION_DENIED);
  request.set_request_id("key 1");
  ASSERT_TRUE(As(Role::kAdmin, *datastores_, &v1::DatastoreService::Stub::RegisterDatastore,
                 request, &reply)
                  .ok());
  request.mutable_datastore()->mutable_local()->set_path("/data/b");
  request.set_request_id("key 2");
  ASSERT_TRUE(As(Role::kAdmin, *datastores_, &v1::DatastoreService::Stub::RegisterDatastore,
                 request, &reply)
                  .ok());
  v1::ListDatastoresReply list;
  ASSERT_TRUE(
      As(Role::kViewer, *datastores_, &v1::DatastoreService::Stub::ListDatastores, {}, &list).ok());
  ASSERT_EQ(list.datastores_size(), 1);
  EXPECT_EQ(list.datastores(0).name(), "digits");
  EXPECT_EQ(list.datastores(0).local().path(), "/data/b");
}

TEST_F(OperatorServices, DatastorePathsThatAreNoneAreRefused) {
  for (const std::string path : {"", "data", "/data/../etc", "/..", "/da\nta"}) {
    v1::RegisterDatastoreRequest request;
    request.mutable_datastore()->set_name("digits");
    request.mutable_datastore()->mutable_local()->set_path(path);
    request.set_request_id("key 1");
    v1::RegisterDatastoreReply reply;
    const auto status = As(Role::kUser, *datastores_,
                           &v1::DatastoreService::Stub::RegisterDatastore, request, &reply);
    EXPECT_THAT(FaultFields(status), ElementsAre("datastore.local.path")) << path;
  }
}

TEST_F(OperatorServices, TheServerTellsHowItIs) {
  ASSERT_TRUE(CreatePool("cpu", "key 1").ok());
  Enroll("n1", "cpu");
  v1::GetServerStatusReply reply;
  ASSERT_TRUE(
      As(Role::kViewer, *admin_, &v1::AdminService::Stub::GetServerStatus, {}, &reply).ok());
  EXPECT_EQ(reply.version(), "1.2.3");
  EXPECT_EQ(reply.epoch(), 1U);
  EXPECT_EQ(reply.started_us(), 77);
  EXPECT_EQ(reply.nodes(), 1U);
  EXPECT_EQ(reply.nodes_connected(), 0U);
  EXPECT_EQ(reply.free_disk_bytes(), 1'000U);
  EXPECT_EQ(reply.disk_reserve_bytes(), 256U);
  EXPECT_EQ(reply.last_sequence(), loop_.state().last_sequence);
}

}  // namespace
}  // namespace muster::server
