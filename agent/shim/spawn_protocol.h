// The descriptors that the agent leaves to a shim.
#pragma once

namespace muster::agent {

// A connected socket: the first control connection.
constexpr int kShimConnectionFd = 3;
// run/shim.lock, locked: the lock is free once no process of the shim is left.
constexpr int kShimLockFd = 4;
constexpr int kShimFirstFreeFd = 5;
constexpr char kShimLockName[] = "shim.lock";

}  // namespace muster::agent
