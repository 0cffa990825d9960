// Sends log bytes with AppendRunFile.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <set>

#include "agent/logs/append_sink.h"
#include "agent/session/channel.h"

namespace muster::agent {

// Thread-safe. Each call has a deadline, so that `done` comes however the network fails.
class GrpcAppendSink final : public AppendSink {
 public:
  explicit GrpcAppendSink(ServerChannel& channel) : channel_(channel) {}
  // Cancels what is under way and waits for it.
  ~GrpcAppendSink() override;

  void Append(AppendRequest request, Done done) override;

 private:
  struct Call;

  ServerChannel& channel_;
  std::mutex mutex_;
  std::condition_variable idle_;
  std::set<std::shared_ptr<Call>> calls_;
};

}  // namespace muster::agent
