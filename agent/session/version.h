// The version the agent tells the server.
#pragma once

namespace muster::agent {

inline constexpr char kAgentVersion[] = "0.1.0";

}  // namespace muster::agent
