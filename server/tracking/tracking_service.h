// The RPCs of the run record.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "muster/v1/tracking.grpc.pb.h"
#include "server/auth/principal.h"
#include "server/tracking/tracking_parts.h"

namespace muster::server {

// Requests with many small parts come as raw messages: see rpc/bounded_decode.h.
using TrackingServiceBase = muster::v1::TrackingService::WithCallbackMethod_GetRun<
    muster::v1::TrackingService::WithRawCallbackMethod_ListRuns<
        muster::v1::TrackingService::WithCallbackMethod_ListExperiments<
            muster::v1::TrackingService::WithRawCallbackMethod_CreateRuns<
                muster::v1::TrackingService::WithRawCallbackMethod_UpdateRun<
                    muster::v1::TrackingService::WithRawCallbackMethod_AppendMetrics<
                        muster::v1::TrackingService::WithCallbackMethod_ReadMetrics<
                            muster::v1::TrackingService::Service>>>>>>>;

class TrackingService final : public TrackingServiceBase {
 public:
  explicit TrackingService(const TrackingParts& parts) : parts_(parts) {}

  grpc::ServerUnaryReactor* GetRun(grpc::CallbackServerContext* context,
                                   const muster::v1::GetRunRequest* request,
                                   muster::v1::GetRunReply* reply) override {
    return GetRunFor(PrincipalOf(*context), *request, reply, context->DefaultReactor());
  }
  grpc::ServerUnaryReactor* ListRuns(grpc::CallbackServerContext* context,
                                     const grpc::ByteBuffer* raw, grpc::ByteBuffer* reply) override;
  grpc::ServerUnaryReactor* ListExperiments(grpc::CallbackServerContext* context,
                                            const muster::v1::ListExperimentsRequest* request,
                                            muster::v1::ListExperimentsReply* reply) override;
  grpc::ServerUnaryReactor* CreateRuns(grpc::CallbackServerContext* context,
                                       const grpc::ByteBuffer* raw,
                                       grpc::ByteBuffer* reply) override;
  grpc::ServerUnaryReactor* UpdateRun(grpc::CallbackServerContext* context,
                                      const grpc::ByteBuffer* raw,
                                      grpc::ByteBuffer* reply) override;
  grpc::ServerUnaryReactor* AppendMetrics(grpc::CallbackServerContext* context,
                                          const grpc::ByteBuffer* raw,
                                          grpc::ByteBuffer* reply) override;
  grpc::ServerUnaryReactor* ReadMetrics(grpc::CallbackServerContext* context,
                                        const muster::v1::ReadMetricsRequest* request,
                                        muster::v1::ReadMetricsReply* reply) override {
    return ReadMetricsFor(PrincipalOf(*context), *request, reply, context->DefaultReactor());
  }

  // The same for a caller who has been let in otherwise. `reply` and `reactor` live until the
  // reactor is finished, which happens once.
  grpc::ServerUnaryReactor* GetRunFor(const scheduler::Principal& caller,
                                      const muster::v1::GetRunRequest& request,
                                      muster::v1::GetRunReply* reply,
                                      grpc::ServerUnaryReactor* reactor) const;
  grpc::ServerUnaryReactor* ListRunsFor(const scheduler::Principal& caller,
                                        muster::v1::ListRunsRequest request,
                                        grpc::ByteBuffer* reply,
                                        grpc::ServerUnaryReactor* reactor) const;
  grpc::ServerUnaryReactor* ReadMetricsFor(const scheduler::Principal& caller,
                                           const muster::v1::ReadMetricsRequest& request,
                                           muster::v1::ReadMetricsReply* reply,
                                           grpc::ServerUnaryReactor* reactor) const;

 private:
  struct Write;
  using WritePointer = std::shared_ptr<Write>;

  static Status DecodeCreate(const grpc::ByteBuffer& raw, grpc::CallbackServerContext& context,
                             Write& write);
  static Status DecodeUpdate(const grpc::ByteBuffer& raw, grpc::CallbackServerContext& context,
                             Write& write);
  static Status DecodeAppend(const grpc::ByteBuffer& raw, grpc::CallbackServerContext& context,
                             Write& write);
  // Whether the disk has room for it; counts it as written.
  Status Reserve(const Write& write) const;
  // Looks up the jobs among the ids and parents of new runs, then submits.
  void CheckIds(const WritePointer& write);
  Status LookUpJobs(storage::History& history, Write& write) const;
  // Submits; a run without a row may be a job, which is then looked up, once.
  void Submit(const WritePointer& write);
  void LookUpRun(const WritePointer& write);

  const TrackingParts parts_;
};

}  // namespace muster::server
