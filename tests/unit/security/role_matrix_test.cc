// Every method against every kind of caller, over real TLS connections.
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>

#include <future>

#include "muster/v1/admin.grpc.pb.h"
#include "server/auth/call_context.h"
#include "server/auth/principal.h"
#include "server/auth/role_names.h"
#include "server/auth/rpc_roles.h"
#include "tests/unit/security/secure_server.h"

namespace muster::server {
namespace {

using scheduler::Role;

const TlsPolicyApplied kTlsPolicyApplied;

grpc::ByteBuffer EmptyMessage() {
  const grpc::Slice nothing;
  return grpc::ByteBuffer(&nothing, 1);
}

// Takes every call of every name and answers OK: what gets here was let in.
class Anything final : public grpc::CallbackGenericService {
  class Answer final : public grpc::ServerGenericBidiReactor {
   public:
    Answer() { StartWriteAndFinish(&empty_, grpc::WriteOptions(), grpc::Status::OK); }
    void OnDone() override { delete this; }

   private:
    grpc::ByteBuffer empty_ = EmptyMessage();
  };

  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext*) override {
    return new Answer;
  }
};

struct Caller {
  std::string authorization;  // empty: no token
  bool with_certificate = false;
};

class RoleMatrix : public ::testing::Test {
 protected:
  grpc::Status Call(const std::string& method, const Caller& caller) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    if (!caller.authorization.empty())
      context.AddMetadata(security::kAuthorizationKey, caller.authorization);
    return Call(method, caller, context);
  }

  grpc::Status Call(const std::string& method, const Caller& caller, grpc::ClientContext& context) {
    grpc::GenericStub stub(caller.with_certificate ? as_node_ : plain_);
    grpc::ByteBuffer request = EmptyMessage();
    grpc::ByteBuffer reply;
    std::promise<grpc::Status> done;
    stub.UnaryCall(&context, method, grpc::StubOptions(), &request, &reply,
                   [&](grpc::Status status) { done.set_value(std::move(status)); });
    return done.get_future().get();
  }

  Caller As(Role role) const {
    if (role == Role::kNode) return {"", true};
    return {server_.AuthorizationOf(role), false};
  }

  Anything anything_;
  SecureServer server_{{}, &anything_};
  const std::shared_ptr<grpc::Channel> plain_ = server_.Connect();
  const std::shared_ptr<grpc::Channel> as_node_ = server_.ConnectAsNode();
};

TEST_F(RoleMatrix, EachMethodIsOpenToItsRolesAndToNobodyElse) {
  for (const RpcRoles& entry : kRpcRoles) {
    const std::string method(entry.method);
    EXPECT_EQ(Call(method, {}).error_code(), grpc::StatusCode::UNAUTHENTICATED) << method;
    for (const Role role :
         {Role::kAdmin, Role::kUser, Role::kViewer, Role::kNode, Role::kAttempt, Role::kJoin}) {
      const grpc::Status status = Call(method, As(role));
      EXPECT_EQ(status.error_code(), entry.allowed.Has(role) ? grpc::StatusCode::OK
                                                             : grpc::StatusCode::PERMISSION_DENIED)
          << method << " as " << RoleName(role) << ": " << status.error_message();
    }
  }
}

TEST_F(RoleMatrix, AMethodThatIsNotInTheTableIsClosedToAll) {
  EXPECT_EQ(Call("/muster.v1.AdminService/Shutdown", {}).error_code(),
            grpc::StatusCode::UNAUTHENTICATED);
  for (const Role role : {Role::kAdmin, Role::kNode})
    EXPECT_EQ(Call("/muster.v1.AdminService/Shutdown", As(role)).error_code(),
              grpc::StatusCode::UNIMPLEMENTED);
}

TEST_F(RoleMatrix, BadTokensAreRefusedWithoutBeingEchoed) {
  const std::string method = "/muster.v1.JobService/GetJob";
  const std::string good = server_.AuthorizationOf(Role::kUser);
  std::string wrong = good;
  wrong.back() = wrong.back() == 'A' ? 'B' : 'A';
  for (const std::string& authorization :
       {wrong, good + "A", std::string("Bearer garbage"), std::string(4'000, 'x')}) {
    const grpc::Status status = Call(method, {authorization, false});
    EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAUTHENTICATED) << authorization;
    EXPECT_EQ(status.error_message().find(authorization.substr(authorization.size() / 2)),
              std::string::npos);
  }
}

TEST_F(RoleMatrix, TwoTokensInOneCallAreRefusedEvenIfBothAreGood) {
  grpc::ClientContext context;
  context.AddMetadata(security::kAuthorizationKey, server_.AuthorizationOf(Role::kViewer));
  context.AddMetadata(security::kAuthorizationKey, server_.AuthorizationOf(Role::kAdmin));
  EXPECT_EQ(Call("/muster.v1.JobService/GetJob", {}, context).error_code(),
            grpc::StatusCode::UNAUTHENTICATED);
}

TEST_F(RoleMatrix, ATokenEndsWithItsRevocationAndItsExpiry) {
  const std::string method = "/muster.v1.JobService/GetJob";
  EXPECT_TRUE(Call(method, As(Role::kUser)).ok());
  server_.state().tokens[server_.TokenOf(Role::kUser)].revoked = true;
  server_.state().tokens[server_.TokenOf(Role::kViewer)].expires = ReadClock().wall;
  server_.Publish();
  EXPECT_EQ(Call(method, As(Role::kUser)).error_code(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(Call(method, As(Role::kViewer)).error_code(), grpc::StatusCode::UNAUTHENTICATED);
}

TEST_F(RoleMatrix, ANodesConnectionEndsToBeOneWithItsRemoval) {
  const std::string method = "/muster.v1.AgentService/ReadBlob";
  EXPECT_TRUE(Call(method, As(Role::kNode)).ok());
  server_.state().nodes.clear();
  server_.Publish();
  EXPECT_EQ(Call(method, As(Role::kNode)).error_code(), grpc::StatusCode::UNAUTHENTICATED)
      << "on the connection that was open before";
}

TEST_F(RoleMatrix, ACertificateOfAnotherCaDoesNotGetThroughTheHandshake) {
  const TimePoint now = ReadClock().wall;
  const auto other_ca = security::CreateCa(now);
  const auto key = security::CreateKeyAndRequest();
  const auto forged =
      security::IssueNodeCertificate(*other_ca, NodeId("n1"), key->signing_request_pem, now);
  const auto channel = server_.Connect({key->key_pem, *forged});
  grpc::ClientContext context;
  context.AddMetadata(security::kAuthorizationKey, server_.AuthorizationOf(Role::kAdmin));
  grpc::GenericStub stub(channel);
  grpc::ByteBuffer request = EmptyMessage();
  grpc::ByteBuffer reply;
  std::promise<grpc::Status> done;
  stub.UnaryCall(&context, "/muster.v1.JobService/GetJob", grpc::StubOptions(), &request, &reply,
                 [&](grpc::Status status) { done.set_value(std::move(status)); });
  EXPECT_EQ(done.get_future().get().error_code(), grpc::StatusCode::UNAVAILABLE);
}

// Answers with who calls.
class WhoAmI final : public v1::AdminService::CallbackService {
  grpc::ServerUnaryReactor* ListWorkspaces(grpc::CallbackServerContext* context,
                                           const v1::ListWorkspacesRequest*,
                                           v1::ListWorkspacesReply* reply) override {
    const scheduler::Principal principal = PrincipalOf(*context);
    reply->add_names(principal.user.str());
    reply->add_names(principal.token.str());
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }
};

TEST(PrincipalOfCall, IsOfTheCallNotOfTheConnection) {
  WhoAmI service;
  SecureServer server({&service});
  const auto stub = v1::AdminService::NewStub(server.Connect());
  for (int round = 0; round < 20; ++round)
    for (const Role role : {Role::kAdmin, Role::kUser, Role::kViewer}) {
      grpc::ClientContext context;
      context.AddMetadata(security::kAuthorizationKey, server.AuthorizationOf(role));
      v1::ListWorkspacesReply reply;
      const grpc::Status status = stub->ListWorkspaces(&context, {}, &reply);
      ASSERT_TRUE(status.ok()) << status.error_message();
      EXPECT_EQ(reply.names(1), server.TokenOf(role).str());
    }
}

}  // namespace
}  // namespace muster::server
