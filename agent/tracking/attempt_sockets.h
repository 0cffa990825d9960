// Makes the two sockets of an attempt. Its tracking/ belongs to the job, which could put a link
// where a socket's mode is to be set: they are made in run/, which is the agent's, and then moved.
#pragma once

#include <optional>
#include <string>

#include "agent/shim/launch_file.h"
#include "agent/shim/unique_fd.h"
#include "base/result.h"

namespace muster::agent {

inline constexpr char kPokeName[] = "poke";
inline constexpr char kCallName[] = "rpc";

struct AttemptSockets {
  UniqueFd poke;   // datagrams
  UniqueFd calls;  // listens for streams
};

// Replaces sockets that a former agent has left. `owner`: who may use them, but for the agent.
Result<AttemptSockets> MakeSockets(const std::string& attempt_directory,
                                   const std::optional<Credentials>& owner);

}  // namespace muster::agent
