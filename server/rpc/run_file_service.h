// Clients list and read a job's logs and outputs.
#pragma once

#include "muster/v1/files.grpc.pb.h"
#include "server/rpc/rpc_parts.h"

namespace muster::server {

class RunFileService final : public muster::v1::RunFileService::CallbackService {
 public:
  // `parts` must outlive the service.
  explicit RunFileService(const RpcParts& parts) : parts_(parts) {}

  grpc::ServerUnaryReactor* ListRunFiles(grpc::CallbackServerContext* context,
                                         const muster::v1::ListRunFilesRequest* request,
                                         muster::v1::ListRunFilesReply* reply) override;
  grpc::ServerWriteReactor<muster::v1::RunFileChunk>* ReadRunFile(
      grpc::CallbackServerContext* context, const muster::v1::ReadRunFileRequest* request) override;

 private:
  struct ListOrder;
  static Result<ListOrder> DecodeList(const scheduler::Principal& caller,
                                      const muster::v1::ListRunFilesRequest& request);
  Status List(const ListOrder& order, storage::History& history,
              muster::v1::ListRunFilesReply& reply) const;

  const RpcParts& parts_;
};

}  // namespace muster::server
