// Limits of the one gRPC port: what peers may cost us before and after they have shown who they
// are.
#pragma once

#include <grpcpp/server_builder.h>

namespace muster::server {

// Health and reflection services, message and connection limits. Call before AddSecurePort.
void ApplyPortLimits(grpc::ServerBuilder& builder);
// Once a process, before the first builder. From then on gRPC's own log goes the way of ours, one
// line a second at most.
void EnablePortPlugins();

}  // namespace muster::server
