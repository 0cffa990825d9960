// The server as a whole: makes the parts, connects them, ends them in order. Wiring only.
#pragma once

#include <memory>

#include "base/result.h"
#include "server/config.h"

namespace muster::server {

class Server {
 public:
  // Opens the state directory, loads the state, serves. Blocks until the port is open. The state
  // directory then holds `address` ("host:port"), admin.token and join.token.
  // security::ApplyTlsPolicy must have run.
  static Result<std::unique_ptr<Server>> Start(const ServerConfig& config);
  // Stops, if Stop was not called.
  ~Server();

  // Planned stop: leases are extended, answers that are due are given, then the port is closed.
  // Takes 3 s at most. Jobs run on.
  void Stop();

 private:
  struct Parts;
  explicit Server(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace muster::server
