// AdminService of admin.proto.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/time.h"
#include "muster/v1/admin.grpc.pb.h"
#include "server/auth/token_mint.h"
#include "server/core_loop.h"

namespace muster::server {

struct DiskFacts {
  std::uint64_t free_bytes = 0;
  std::uint64_t reserve_bytes = 0;
};

// What GetServerStatus tells that is not in the core.
struct ServerFacts {
  std::string version;
  TimePoint started{};
  std::function<DiskFacts()> disk;  // thread-safe, does not block
};

// Called on gRPC's threads; answers from the core thread. Immutable.
class AdminService final : public muster::v1::AdminService::CallbackService {
 public:
  // `loop` and `mint` must outlive the gRPC server.
  AdminService(CoreLoop& loop, const TokenMint& mint, ServerFacts facts)
      : loop_(loop), mint_(mint), facts_(std::move(facts)) {}

  grpc::ServerUnaryReactor* CreateWorkspace(grpc::CallbackServerContext* context,
                                            const muster::v1::CreateWorkspaceRequest* request,
                                            muster::v1::CreateWorkspaceReply* reply) override;
  grpc::ServerUnaryReactor* ListWorkspaces(grpc::CallbackServerContext* context,
                                           const muster::v1::ListWorkspacesRequest* request,
                                           muster::v1::ListWorkspacesReply* reply) override;
  grpc::ServerUnaryReactor* CreateToken(grpc::CallbackServerContext* context,
                                        const muster::v1::CreateTokenRequest* request,
                                        muster::v1::CreateTokenReply* reply) override;
  grpc::ServerUnaryReactor* ListTokens(grpc::CallbackServerContext* context,
                                       const muster::v1::ListTokensRequest* request,
                                       muster::v1::ListTokensReply* reply) override;
  grpc::ServerUnaryReactor* RevokeToken(grpc::CallbackServerContext* context,
                                        const muster::v1::RevokeTokenRequest* request,
                                        muster::v1::RevokeTokenReply* reply) override;
  grpc::ServerUnaryReactor* CreateJoinToken(grpc::CallbackServerContext* context,
                                            const muster::v1::CreateJoinTokenRequest* request,
                                            muster::v1::CreateJoinTokenReply* reply) override;
  grpc::ServerUnaryReactor* GetServerStatus(grpc::CallbackServerContext* context,
                                            const muster::v1::GetServerStatusRequest* request,
                                            muster::v1::GetServerStatusReply* reply) override;

 private:
  CoreLoop& loop_;
  const TokenMint& mint_;
  const ServerFacts facts_;
};

}  // namespace muster::server
