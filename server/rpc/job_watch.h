// One client's watch of jobs. It holds a position and at most one page of changes: they are read
// from the history when the ones before were taken, however slow the reader is.
#pragma once

#include <cstdint>
#include <deque>

#include "muster/v1/jobs.pb.h"
#include "server/rpc/rpc_parts.h"
#include "server/rpc/write_stream.h"

namespace muster::server {

class JobWatch final : public WriteStream<muster::v1::JobEvent>, public Wakeable {
 public:
  // `job` may be empty: all jobs of the workspace.
  JobWatch(const RpcParts& parts, grpc::CallbackServerContext* context, JobId job,
           std::uint64_t after_sequence);
  // Call once, after Own. An error ends the stream with it.
  void Begin(Result<WorkspaceName> workspace);
  void Wake() override;

 private:
  void Next() override;
  bool IsTooSlow(SteadyPoint now) const override;
  void Forget() override;
  // On the core thread.
  void CheckWorkspace(const Core& core);
  // On a history thread.
  void CheckJob(storage::History& history);
  void ReadPage(storage::History& history);
  // The lock is held.
  void StartReading();
  std::shared_ptr<JobWatch> Self() {
    return std::static_pointer_cast<JobWatch>(shared_from_this());
  }

  const RpcParts& parts_;
  const JobId job_;
  const std::string key_;
  WorkspaceName workspace_;  // set in Begin

  // Under the stream's lock:
  std::uint64_t position_;  // everything up to here was sent or is in page_
  std::deque<storage::JobChange> page_;
  bool reading_ = false;
  bool woken_ = true;       // something may have happened since the last read began
  bool caught_up_ = false;  // was at the newest change once
};

}  // namespace muster::server
