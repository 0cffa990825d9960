// Until when a shim may hold its attempt without hearing from the agent.
#pragma once

#include <cstdint>
#include <string>

namespace muster::agent {

struct ShimLease {
  std::int64_t until_us = 0;  // CLOCK_MONOTONIC; 0: no lease
  std::string message;        // the failure's, should it run out

  friend bool operator==(const ShimLease&, const ShimLease&) = default;
};

}  // namespace muster::agent
