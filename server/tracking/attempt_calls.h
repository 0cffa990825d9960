// Calls that scripts make through their node's agent (RFC 8): each with an identity of role
// attempt, as the job's user, in the job's workspace.
#pragma once

#include <grpcpp/support/server_callback.h>

#include <memory>
#include <string>

#include "base/ids.h"
#include "muster/v1/agent.pb.h"
#include "server/rpc/job_service.h"
#include "server/rpc/rpc_parts.h"
#include "server/rpc/run_file_service.h"
#include "server/tracking/tracking_service.h"

namespace muster::server {

class AttemptCalls {
 public:
  // All of them must outlive it.
  AttemptCalls(const RpcParts& parts, const JobService& jobs, const RunFileService& files,
               const TrackingService& runs)
      : parts_(parts), jobs_(jobs), files_(files), runs_(runs) {}

  // `request` and `reply` live until the reactor is finished, which happens exactly once. Refused
  // with NOT_FOUND unless the node holds the attempt now.
  void Take(const NodeId& node, const muster::v1::CallForAttemptRequest& request,
            muster::v1::CallForAttemptReply& reply, grpc::ServerUnaryReactor* reactor) const;

 private:
  struct Call;
  using CallPointer = std::shared_ptr<Call>;
  struct Method;

  static const Method* FindMethod(const std::string& name);
  void Start(const CallPointer& call) const;
  // The methods: decode, ask the service that has it, encode.
  void GetRun(const CallPointer& call) const;
  void ListRuns(const CallPointer& call) const;
  void ReadMetrics(const CallPointer& call) const;
  void ListRunFiles(const CallPointer& call) const;
  void ReadRunFile(const CallPointer& call) const;
  void GetJob(const CallPointer& call) const;
  void CancelJob(const CallPointer& call) const;

  const RpcParts& parts_;
  const JobService& jobs_;
  const RunFileService& files_;
  const TrackingService& runs_;
};

}  // namespace muster::server
