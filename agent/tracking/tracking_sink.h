// Where spools and calls go: the server, or a test's stand-in.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"

namespace muster::agent {

struct SpoolRequest {
  AttemptId attempt;
  std::string writer;  // name of the file
  std::uint64_t offset = 0;
  std::string data;  // whole lines; empty: asks where to go on
  std::uint64_t skipped_bytes = 0;
};
struct SpoolAnswer {
  std::uint64_t next_offset = 0;
  std::vector<std::string> refused;  // sentences, of some
  std::uint32_t refused_count = 0;
  std::optional<std::string> script_failure;
};

struct CallRequest {
  AttemptId attempt;
  std::string method;
  std::string request_json;
};

class TrackingSink {
 public:
  using AppendDone = std::function<void(Result<SpoolAnswer>)>;
  using CallDone = std::function<void(Result<std::string>)>;  // the reply's JSON

  virtual ~TrackingSink() = default;
  // Never block. `done` runs exactly once, on any thread, perhaps before this returns.
  virtual void Append(SpoolRequest request, AppendDone done) = 0;
  virtual void Call(CallRequest request, CallDone done) = 0;
};

}  // namespace muster::agent
