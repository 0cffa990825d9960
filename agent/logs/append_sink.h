// Where log bytes go: the server, or a test's stand-in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "base/ids.h"
#include "base/result.h"

namespace muster::agent {

// Of a run file's name; the server takes none that is longer.
inline constexpr std::size_t kMaxRunFileNameBytes = 1'024;

struct AppendRequest {
  AttemptId attempt;
  std::string name;  // "azureml-logs/70_driver_log_0.txt"
  std::uint64_t offset = 0;
  std::string data;  // may be empty: makes the file, and asks for its size
};

class AppendSink {
 public:
  // The file's durable size after the call. OUT_OF_RANGE: `offset` lies beyond its end.
  using Done = std::function<void(Result<std::uint64_t>)>;

  virtual ~AppendSink() = default;
  // Never blocks. `done` runs exactly once, on any thread, perhaps before this returns.
  virtual void Append(AppendRequest request, Done done) = 0;
};

}  // namespace muster::agent
