#include "server/auth/rpc_roles.h"

#include <google/protobuf/descriptor.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "muster/v1/admin.pb.h"
#include "muster/v1/agent.pb.h"
#include "muster/v1/cluster.pb.h"
#include "muster/v1/common.pb.h"
#include "muster/v1/files.pb.h"
#include "muster/v1/jobs.pb.h"
#include "muster/v1/tracking.pb.h"

namespace muster::server {
namespace {

using scheduler::Role;

std::set<std::string> MethodsOfOurProtos() {
  std::set<std::string> methods;
  for (const google::protobuf::FileDescriptor* file :
       {v1::TokenInfo::descriptor()->file(), v1::Hello::descriptor()->file(),
        v1::Node::descriptor()->file(), v1::Fault::descriptor()->file(),
        v1::FindMissingBlobsRequest::descriptor()->file(),
        v1::SubmitJobRequest::descriptor()->file(), v1::GetRunRequest::descriptor()->file()})
    for (int s = 0; s < file->service_count(); ++s)
      for (int m = 0; m < file->service(s)->method_count(); ++m)
        methods.insert("/" + file->service(s)->full_name() + "/" +
                       file->service(s)->method(m)->name());
  return methods;
}

TEST(RpcRoles, EveryMethodOfOurServicesHasAnEntry) {
  for (const std::string& method : MethodsOfOurProtos())
    EXPECT_TRUE(RolesFor(method)) << method << " is missing in kRpcRoles: nobody may call it";
}

TEST(RpcRoles, NoEntryIsOfAMethodThatIsNoMore) {
  std::set<std::string> methods = MethodsOfOurProtos();
  methods.insert({"/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch",
                  "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"});
  EXPECT_EQ(methods.size(), kRpcRoles.size()) << "an entry stands twice, or a method is gone";
  for (const RpcRoles& entry : kRpcRoles)
    EXPECT_TRUE(methods.contains(std::string(entry.method))) << entry.method;
}

TEST(RpcRoles, ANodeReachesTheAgentServiceAlone) {
  for (const RpcRoles& entry : kRpcRoles) {
    const bool agent_service = entry.method.starts_with("/muster.v1.AgentService/");
    EXPECT_EQ(entry.allowed.Has(Role::kNode) || entry.allowed.Has(Role::kJoin), agent_service)
        << entry.method;
    EXPECT_FALSE(entry.allowed.Has(Role::kAttempt)) << entry.method;
  }
}

TEST(RpcRoles, AViewerChangesNothing) {
  for (const RpcRoles& entry : kRpcRoles) {
    const std::string_view verb = entry.method.substr(entry.method.rfind('/') + 1);
    const bool reads = verb.starts_with("Get") || verb.starts_with("List") ||
                       verb.starts_with("Watch") || verb.starts_with("Read") || verb == "Check" ||
                       verb == "ServerReflectionInfo";
    EXPECT_TRUE(reads || !entry.allowed.Has(Role::kViewer)) << entry.method;
  }
}

TEST(RpcRoles, AMethodThatDoesNotExistHasNoRoles) {
  EXPECT_FALSE(RolesFor("/muster.v1.JobService/SubmitJob2"));
  EXPECT_FALSE(RolesFor("/muster.v1.JobService/SubmitJo"));
  EXPECT_FALSE(RolesFor(""));
}

}  // namespace
}  // namespace muster::server
