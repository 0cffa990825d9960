// One client's read of a run file. It holds a position and at most one chunk. Woken when the file
// grows or the job changes its status; in between it costs nothing.
#pragma once

#include <cstdint>

#include "muster/v1/files.pb.h"
#include "server/rpc/rpc_parts.h"
#include "server/rpc/write_stream.h"

namespace muster::server {

class RunFileStream final : public WriteStream<muster::v1::RunFileChunk>, public Wakeable {
 public:
  RunFileStream(const RpcParts& parts, grpc::CallbackServerContext* context,
                const muster::v1::ReadRunFileRequest& request);
  // Call once, after Own. An error ends the stream with it.
  void Begin(Result<WorkspaceName> workspace);
  void Wake() override;

 private:
  void Next() override;
  bool IsTooSlow(SteadyPoint) const override { return false; }
  void Forget() override;

  // Is it a file that was added to the run? On an I/O thread.
  void LookForAdded();
  // At the end of what there is: is more to come? On a history thread.
  void AskJob(storage::History& history);
  void Judge(const scheduler::Job& job);
  // On an I/O thread.
  void Read();
  void Refuse(const Error& error);
  // The lock is held.
  void Subscribe();
  void StartReading();
  void AtEnd(bool missing);
  void EnterAttempt(std::uint32_t number);
  void Rest();
  void EndOfFile();
  std::shared_ptr<RunFileStream> Self() {
    return std::static_pointer_cast<RunFileStream>(shared_from_this());
  }
  AttemptId attempt_id() const { return AttemptId{job_, attempt_}; }

  const RpcParts& parts_;
  const JobId job_;
  const std::string name_;
  const bool any_attempt_;   // attempt 0 was asked for: later ones too
  WorkspaceName workspace_;  // set in Begin
  // Set before the first read.
  bool follow_;
  bool added_ = false;  // whole, and of no attempt

  // Under the stream's lock; read freely by whoever has set busy_.
  std::uint32_t attempt_;  // 0: none has started yet
  std::uint64_t offset_;
  bool busy_ = true;        // reading or asking
  bool woken_ = false;      // since that began
  bool seen_ = false;       // the file was there
  bool at_end_ = false;     // the last read found nothing more
  bool last_look_ = false;  // that read began when the attempt was over
};

}  // namespace muster::server
