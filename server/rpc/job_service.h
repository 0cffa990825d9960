// The clients' job RPCs.
#pragma once

#include <memory>

#include "muster/v1/jobs.grpc.pb.h"
#include "server/auth/principal.h"
#include "server/rpc/known_blobs.h"
#include "server/rpc/rpc_parts.h"

namespace muster::server {

// SubmitJob takes the raw message: see bounded_decode.h.
using JobServiceBase = muster::v1::JobService::WithRawCallbackMethod_SubmitJob<
    muster::v1::JobService::WithCallbackMethod_GetJob<
        muster::v1::JobService::WithCallbackMethod_ListJobs<
            muster::v1::JobService::WithCallbackMethod_CancelJob<
                muster::v1::JobService::WithCallbackMethod_WatchJobs<
                    muster::v1::JobService::Service>>>>>;

class JobService final : public JobServiceBase {
 public:
  // `parts` must outlive the service.
  explicit JobService(const RpcParts& parts) : parts_(parts) {}

  grpc::ServerUnaryReactor* SubmitJob(grpc::CallbackServerContext* context,
                                      const grpc::ByteBuffer* raw,
                                      grpc::ByteBuffer* reply) override;
  grpc::ServerUnaryReactor* GetJob(grpc::CallbackServerContext* context,
                                   const muster::v1::GetJobRequest* request,
                                   muster::v1::GetJobReply* reply) override {
    return GetJobFor(PrincipalOf(*context), *request, reply, context->DefaultReactor());
  }
  grpc::ServerUnaryReactor* ListJobs(grpc::CallbackServerContext* context,
                                     const muster::v1::ListJobsRequest* request,
                                     muster::v1::ListJobsReply* reply) override;
  grpc::ServerUnaryReactor* CancelJob(grpc::CallbackServerContext* context,
                                      const muster::v1::CancelJobRequest* request,
                                      muster::v1::CancelJobReply* reply) override {
    return CancelJobFor(PrincipalOf(*context), *request, reply, context->DefaultReactor());
  }
  grpc::ServerWriteReactor<muster::v1::JobEvent>* WatchJobs(
      grpc::CallbackServerContext* context, const muster::v1::WatchJobsRequest* request) override;

  // The same for a caller who has been let in otherwise. `reply` and `reactor` live until the
  // reactor is finished, which happens once.
  grpc::ServerUnaryReactor* GetJobFor(const scheduler::Principal& caller,
                                      const muster::v1::GetJobRequest& request,
                                      muster::v1::GetJobReply* reply,
                                      grpc::ServerUnaryReactor* reactor) const;
  grpc::ServerUnaryReactor* CancelJobFor(const scheduler::Principal& caller,
                                         const muster::v1::CancelJobRequest& request,
                                         muster::v1::CancelJobReply* reply,
                                         grpc::ServerUnaryReactor* reactor) const;

 private:
  struct Submission;
  struct Cancellation;
  void CheckSnapshot(const std::shared_ptr<Submission>& submission);
  // Have the nodes the paths of its data references?
  void CheckPaths(const std::shared_ptr<Submission>& submission);
  // On the core thread: adds the faults of the state and answers.
  void Refuse(const std::shared_ptr<Submission>& submission);
  void Post(const std::shared_ptr<Submission>& submission);
  static Digest DigestOf(const Submission& submission, std::string_view given_spec);
  static void Answer(const Submission& submission, Result<ReplyValue> result);
  // The core knows no live job of this id: an ended one keeps its status, which is the answer.
  void AnswerEnded(const std::shared_ptr<Cancellation>& cancellation) const;
  // Adds why the job waits, on the core thread, and finishes.
  void Explain(grpc::ServerUnaryReactor* reactor, const JobId& job,
               muster::v1::GetJobReply* reply) const;

  const RpcParts& parts_;
  KnownBlobs known_blobs_;
};

}  // namespace muster::server
