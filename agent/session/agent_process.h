// Everything of one agent, put together and taken apart.
#pragma once

#include "agent/session/config.h"

namespace muster::agent {

// Runs the agent until SIGTERM or SIGINT; the process's exit code. Jobs go on after it. Call once,
// before any thread exists.
int RunAgent(const AgentConfig& config);

}  // namespace muster::agent
