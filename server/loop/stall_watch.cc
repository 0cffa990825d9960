#include "server/loop/stall_watch.h"

#include <utility>

namespace muster::server {

void StallWatch::Add(const std::shared_ptr<Stallable>& stream) {
  const std::lock_guard lock(mutex_);
  streams_.push_back(stream);
}

void StallWatch::CheckAll(SteadyPoint now) {
  std::vector<std::shared_ptr<Stallable>> alive;
  {
    const std::lock_guard lock(mutex_);
    std::erase_if(streams_, [](const auto& weak) { return weak.expired(); });
    for (const auto& weak : streams_) {
      if (auto strong = weak.lock()) alive.push_back(std::move(strong));
    }
  }
  for (const auto& stream : alive) stream->CheckStall(now);
}

}  // namespace muster::server
