// The walls around an attempt: user (when not root), PID, mount, UTS and IPC namespaces.
#pragma once

#include "agent/shim/launch_file.h"
#include "base/result.h"

namespace muster::agent {

// Leaves the agent's namespaces; the next child is PID 1 of the new PID namespace.
Status UnshareNamespaces();

// In PID 1: /proc and /dev/shm of its own, host name, data read-only at mounts/<name>, names of a
// gang's nodes in /etc/hosts, the node's directory hidden. Data that cannot be bound is linked
// instead.
Status SetUpNamespaces(const LaunchFile& launch);

// Without namespaces: data by symlink.
Status LinkData(const LaunchFile& launch);

// Whether this machine lets us do all of it; runs in a child.
bool ProbeNamespaces();

}  // namespace muster::agent
