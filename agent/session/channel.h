// The connection to the server that session, staging and logs share.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/support/status.h>

#include <memory>
#include <mutex>
#include <string>

#include "agent/session/identity.h"
#include "base/error.h"

namespace muster::agent {

inline constexpr int kMaxMessageBytes = 16 << 20;

// TLS with the pinned CA as the only root; the server must present a certificate for
// security::kServerName, whatever it is called in the network. A dead link is noticed within 10 s.
// With an empty key and certificate the node has no identity yet (enrolment).
std::shared_ptr<grpc::Channel> OpenChannel(const std::string& server, const Identity& identity);

// The current channel; a renewed certificate replaces it. Thread-safe.
class ServerChannel {
 public:
  explicit ServerChannel(std::shared_ptr<grpc::Channel> channel) : channel_(std::move(channel)) {}

  std::shared_ptr<grpc::Channel> Get() const;
  void Replace(std::shared_ptr<grpc::Channel> channel);

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<grpc::Channel> channel_;
};

Error FromGrpcStatus(const grpc::Status& status);
// It may succeed later without anybody changing anything.
bool IsTransient(ErrorCode code);

}  // namespace muster::agent
