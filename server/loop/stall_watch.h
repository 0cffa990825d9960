// Finds streams whose peer takes (or gives) nothing for too long, so that they can be cut off.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "base/time.h"

namespace muster::server {

class Stallable {
 public:
  virtual ~Stallable() = default;
  // Any thread, every second or two. Ends the stream if it has stalled.
  virtual void CheckStall(SteadyPoint now) = 0;
};

// Thread-safe.
class StallWatch {
 public:
  // Watched until it is gone.
  void Add(const std::shared_ptr<Stallable>& stream);
  void CheckAll(SteadyPoint now);

 private:
  std::mutex mutex_;
  std::vector<std::weak_ptr<Stallable>> streams_;
};

}  // namespace muster::server
