// Clients list, read and add to a run's logs and outputs.
#pragma once

#include <functional>
#include <string>

#include "muster/v1/files.grpc.pb.h"
#include "server/auth/principal.h"
#include "server/rpc/rpc_parts.h"
#include "server/tracking/tracking_parts.h"

namespace muster::server {

// AddRunFiles takes the raw message: see bounded_decode.h.
using RunFileServiceBase = muster::v1::RunFileService::WithRawCallbackMethod_AddRunFiles<
    muster::v1::RunFileService::CallbackService>;

class RunFileService final : public RunFileServiceBase {
 public:
  // Both must outlive the service.
  RunFileService(const RpcParts& parts, TrackingReaders& tracking)
      : parts_(parts), tracking_(tracking) {}

  grpc::ServerUnaryReactor* ListRunFiles(grpc::CallbackServerContext* context,
                                         const muster::v1::ListRunFilesRequest* request,
                                         muster::v1::ListRunFilesReply* reply) override {
    return ListRunFilesFor(PrincipalOf(*context), *request, reply, context->DefaultReactor());
  }
  // For a caller who has been let in otherwise; `reply` and `reactor` live until the end.
  grpc::ServerUnaryReactor* ListRunFilesFor(const scheduler::Principal& caller,
                                            const muster::v1::ListRunFilesRequest& request,
                                            muster::v1::ListRunFilesReply* reply,
                                            grpc::ServerUnaryReactor* reactor) const;
  grpc::ServerWriteReactor<muster::v1::RunFileChunk>* ReadRunFile(
      grpc::CallbackServerContext* context, const muster::v1::ReadRunFileRequest* request) override;
  grpc::ServerUnaryReactor* AddRunFiles(grpc::CallbackServerContext* context,
                                        const grpc::ByteBuffer* raw,
                                        grpc::ByteBuffer* reply) override;

 private:
  struct ListOrder;
  struct Addition;
  static Result<ListOrder> DecodeList(const scheduler::Principal& caller,
                                      const muster::v1::ListRunFilesRequest& request);
  // NOT_FOUND if there is no such run, or it is a job.
  void AskTracked(const WorkspaceName& workspace, const std::string& run,
                  std::function<void(Result<storage::TrackedRun>)> then) const;
  // `attempt` 0: only what was added to the run.
  Status List(const ListOrder& order, std::uint32_t attempt,
              muster::v1::ListRunFilesReply& reply) const;
  static Result<Addition> DecodeAddition(const scheduler::Principal& caller,
                                         const grpc::ByteBuffer& raw);
  Status Add(const Addition& addition) const;

  const RpcParts& parts_;
  TrackingReaders& tracking_;
};

}  // namespace muster::server
