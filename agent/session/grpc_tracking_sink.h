// AppendTracking and CallForAttempt.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <set>

#include "agent/session/channel.h"
#include "agent/tracking/tracking_sink.h"

namespace muster::agent {

// Thread-safe. Each call has a deadline, so that `done` comes however the network fails. How many
// there are is bounded by the callers.
class GrpcTrackingSink final : public TrackingSink {
 public:
  explicit GrpcTrackingSink(ServerChannel& channel) : channel_(channel) {}
  // Cancels what is under way and waits for it.
  ~GrpcTrackingSink() override;

  void Append(SpoolRequest request, AppendDone done) override;
  void Call(CallRequest request, CallDone done) override;

 private:
  struct Open;
  template <class Request, class Reply>
  struct OpenCall;

  // False: the agent stops.
  bool Begin(const std::shared_ptr<Open>& call);
  void End(std::shared_ptr<Open> call);

  ServerChannel& channel_;
  std::mutex mutex_;
  std::condition_variable idle_;
  std::set<std::shared_ptr<Open>> open_;
  bool closing_ = false;
};

}  // namespace muster::agent
