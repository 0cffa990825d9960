// Sends log bytes with AppendRunFiles: what comes while a call is under way goes together with the
// next.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include "agent/logs/append_sink.h"
#include "agent/session/channel.h"

namespace muster::agent {

// Thread-safe. Each call has a deadline, so that `done` comes however the network fails. What waits
// is bounded by the caller, who bounds its appends.
class GrpcAppendSink final : public AppendSink {
 public:
  explicit GrpcAppendSink(ServerChannel& channel) : channel_(channel) {}
  // Cancels what is under way and waits for it; what waits fails with CANCELLED.
  ~GrpcAppendSink() override;

  // At most 1 MiB of data.
  void Append(AppendRequest request, Done done) override;

 private:
  struct Waiting {
    AppendRequest request;
    Done done;
  };
  struct Call;

  // Null if there is nothing to send, or a call is under way already.
  std::shared_ptr<Call> TakeNext();
  void Start(const std::shared_ptr<Call>& call);

  ServerChannel& channel_;
  std::mutex mutex_;
  std::condition_variable idle_;
  std::deque<Waiting> waiting_;
  std::shared_ptr<Call> call_;  // under way
  bool closing_ = false;
};

}  // namespace muster::agent
