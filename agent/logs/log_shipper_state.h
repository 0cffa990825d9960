// What a LogShipper knows of the attempts and files that it follows. For its own sources.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "agent/logs/log_file.h"
#include "agent/logs/log_shipper.h"
#include "base/time.h"

namespace muster::agent {

struct LogShipper::File {
  std::uint64_t acknowledged = 0;  // the server's size, as far as it is known
  bool known = false;              // the server has answered for it
  bool probe = false;              // ask for the size before the next bytes
  bool sending = false;
  bool queued = false;   // in ready_ or delayed_
  bool delayed = false;  // in delayed_
  bool changed = false;  // while it was being sent
  bool given_up = false;
  bool ended = false;     // with final_files: read to its end
  unsigned refusals = 0;  // in a row
  SteadyPoint last_sent{};
};

struct LogShipper::Attempt {
  AttemptId id;
  std::string prefix;
  LogDirectory directory;
  std::uint64_t generation = 0;
  std::optional<int> watch;
  std::map<std::string, File> files;
  std::uint64_t shipped_bytes = 0;  // of all files together
  bool closing = false;
  std::function<void()> on_shipped;
};

}  // namespace muster::agent
