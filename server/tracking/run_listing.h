// One ListRuns: a page of jobs from the history, one of tracked runs, merged.
#pragma once

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>

#include <memory>

#include "base/ids.h"
#include "base/result.h"
#include "server/tracking/job_views.h"
#include "server/tracking/run_view.h"
#include "server/tracking/tracking_parts.h"

namespace muster::server {

class RunListing : public std::enable_shared_from_this<RunListing> {
 public:
  // `request` is checked. Ends the call by itself.
  static void Start(const TrackingParts& parts, grpc::ServerUnaryReactor* reactor,
                    grpc::ByteBuffer* reply, const WorkspaceName& workspace,
                    muster::v1::ListRunsRequest request);

 private:
  RunListing(const TrackingParts& parts, grpc::ServerUnaryReactor* reactor, grpc::ByteBuffer* reply)
      : parts_(parts), reactor_(reactor), reply_(reply) {}

  Status Prepare();
  bool WantsKind(muster::v1::RunKind kind) const;
  bool WantsTracked() const;
  // On a thread of the history, then on one of tracking.
  void AskHistory(storage::History& history);
  Status ReadJobs(storage::History& history);
  void AskTracking(storage::TrackingReader& reader);
  Status ReadTracked(storage::TrackingReader& reader);
  void Answer();
  void Refuse(const Error& error);

  const TrackingParts& parts_;
  grpc::ServerUnaryReactor* const reactor_;
  grpc::ByteBuffer* const reply_;
  WorkspaceName workspace_;
  muster::v1::ListRunsRequest request_;
  std::size_t limit_ = 0;
  std::size_t candidates_ = 0;  // that are looked at in each list
  RunSource jobs_, tracked_;
  std::vector<JobView> job_views_;
};

}  // namespace muster::server
