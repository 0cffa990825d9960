// Which roles may call which method. What is not here may be called by nobody. A test walks the
// services of all our .proto files and fails for a method that is missing here or no longer there.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string_view>

#include "scheduler/model/types.h"

namespace muster::server {

class RoleSet {
 public:
  constexpr RoleSet(std::initializer_list<scheduler::Role> roles) {
    for (const scheduler::Role role : roles) bits_ |= Bit(role);
  }
  constexpr bool Has(scheduler::Role role) const { return (bits_ & Bit(role)) != 0; }

 private:
  static constexpr std::uint32_t Bit(scheduler::Role role) {
    return 1U << static_cast<unsigned>(role);
  }
  std::uint32_t bits_ = 0;
};

struct RpcRoles {
  std::string_view method;  // as in ":path"
  RoleSet allowed;
};

inline constexpr RoleSet kAdmins{scheduler::Role::kAdmin};
inline constexpr RoleSet kWriters{scheduler::Role::kAdmin, scheduler::Role::kUser};
inline constexpr RoleSet kReaders{scheduler::Role::kAdmin, scheduler::Role::kUser,
                                  scheduler::Role::kViewer};
inline constexpr RoleSet kNodes{scheduler::Role::kNode};
inline constexpr RoleSet kJoiners{scheduler::Role::kJoin};

inline constexpr std::array kRpcRoles = std::to_array<RpcRoles>({
    {"/muster.v1.AdminService/CreateWorkspace", kAdmins},
    {"/muster.v1.AdminService/ListWorkspaces", kReaders},
    {"/muster.v1.AdminService/CreateToken", kAdmins},
    {"/muster.v1.AdminService/ListTokens", kAdmins},
    {"/muster.v1.AdminService/RevokeToken", kAdmins},
    {"/muster.v1.AdminService/CreateJoinToken", kAdmins},
    {"/muster.v1.AdminService/GetServerStatus", kReaders},
    {"/muster.v1.NodeService/ListNodes", kReaders},
    {"/muster.v1.NodeService/GetNode", kReaders},
    {"/muster.v1.NodeService/CordonNode", kAdmins},
    {"/muster.v1.NodeService/DrainNode", kAdmins},
    {"/muster.v1.NodeService/DeclareNodeLost", kAdmins},
    {"/muster.v1.NodeService/RemoveNode", kAdmins},
    {"/muster.v1.PoolService/CreatePool", kAdmins},
    {"/muster.v1.PoolService/UpdatePool", kAdmins},
    {"/muster.v1.PoolService/DeletePool", kAdmins},
    {"/muster.v1.PoolService/ListPools", kReaders},
    {"/muster.v1.DatastoreService/RegisterDatastore", kWriters},
    {"/muster.v1.DatastoreService/ListDatastores", kReaders},
    {"/muster.v1.JobService/SubmitJob", kWriters},
    {"/muster.v1.JobService/GetJob", kReaders},
    {"/muster.v1.JobService/ListJobs", kReaders},
    {"/muster.v1.JobService/CancelJob", kWriters},
    {"/muster.v1.JobService/WatchJobs", kReaders},
    {"/muster.v1.BlobService/FindMissingBlobs", kWriters},
    {"/muster.v1.BlobService/UploadBlob", kWriters},
    {"/muster.v1.RunFileService/ListRunFiles", kReaders},
    {"/muster.v1.RunFileService/ReadRunFile", kReaders},
    {"/muster.v1.RunFileService/AddRunFiles", kWriters},
    {"/muster.v1.TrackingService/GetRun", kReaders},
    {"/muster.v1.TrackingService/ListRuns", kReaders},
    {"/muster.v1.TrackingService/ListExperiments", kReaders},
    {"/muster.v1.TrackingService/CreateRuns", kWriters},
    {"/muster.v1.TrackingService/UpdateRun", kWriters},
    {"/muster.v1.TrackingService/AppendMetrics", kWriters},
    {"/muster.v1.TrackingService/ReadMetrics", kReaders},
    {"/muster.v1.AgentService/Enroll", kJoiners},
    {"/muster.v1.AgentService/RenewCertificate", kNodes},
    {"/muster.v1.AgentService/Session", kNodes},
    {"/muster.v1.AgentService/ReadBlob", kNodes},
    {"/muster.v1.AgentService/AppendRunFiles", kNodes},
    {"/muster.v1.AgentService/AppendTracking", kNodes},
    {"/muster.v1.AgentService/CallForAttempt", kNodes},
    {"/grpc.health.v1.Health/Check", kReaders},
    {"/grpc.health.v1.Health/Watch", kReaders},
    {"/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", kReaders},
});

// Nothing for a method that is not in the table.
std::optional<RoleSet> RolesFor(std::string_view method);

}  // namespace muster::server
