// Sets of data references that need no question for a while: all of their paths were found, or
// nobody could be asked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>

#include "base/digest.h"
#include "base/time.h"

namespace muster::server {

// Thread-safe.
class SettledPaths {
 public:
  static constexpr std::size_t kMax = 10'000;
  static constexpr Duration kFresh = std::chrono::seconds(60);

  bool Contains(const Digest& key, SteadyPoint now) const {
    const std::lock_guard lock(mutex_);
    const auto found = settled_.find(key);
    return found != settled_.end() && now - found->second < kFresh;
  }
  // Grows with each Clear.
  std::uint64_t epoch() const {
    const std::lock_guard lock(mutex_);
    return epoch_;
  }
  // `epoch` is that of the time when it was asked: what was cleared since is not known any more.
  void Add(const Digest& key, std::uint64_t epoch, SteadyPoint asked) {
    const std::lock_guard lock(mutex_);
    if (epoch != epoch_) return;
    if (settled_.size() >= kMax) settled_.clear();
    settled_[key] = asked;
  }
  // There is somebody new to ask, or a datastore lies elsewhere.
  void Clear() {
    const std::lock_guard lock(mutex_);
    settled_.clear();
    ++epoch_;
  }

 private:
  mutable std::mutex mutex_;
  std::map<Digest, SteadyPoint> settled_;
  std::uint64_t epoch_ = 0;
};

}  // namespace muster::server
