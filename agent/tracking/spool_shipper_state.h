// What a SpoolShipper knows of the attempts and spools that it follows. For its own sources.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "agent/tracking/spool_directory.h"
#include "agent/tracking/spool_shipper.h"
#include "base/time.h"

namespace muster::agent {

struct SpoolShipper::File {
  std::uint64_t acknowledged = 0;
  // Up to here, from `acknowledged` on, no line ends; meaningless if it is less than that.
  std::uint64_t no_line_until = 0;
  bool asks = false;  // where to go on: the server has less than was thought
  bool in_long_line = false;
  bool given_up = false;
  unsigned faults = 0;         // in a row
  SteadyPoint last_changed{};  // or looked at for deletion
};

struct SpoolShipper::Attempt {
  AttemptId id;
  SpoolPlace place;
  SpoolDirectory directory;
  std::uint64_t generation = 0;
  std::map<std::string, File> files = {};
  std::string last = {};  // that was read: the next one is its follower
  bool sending = false;
  bool queued = false;   // in ready_
  bool delayed = false;  // in delayed_
  bool closing = false;
  std::size_t removed = 0;                  // files, in this turn
  std::size_t rounds = 0;                   // that found more files at the end
  SteadyPoint round_began{};                // of sending from all files in turn
  std::optional<SteadyPoint> stalled = {};  // since when a server that is there takes nothing
  std::optional<std::string> script_failure = {};
  OnShipped on_shipped = {};
};

}  // namespace muster::agent
