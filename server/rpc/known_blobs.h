// Blobs that were seen in the store: a blob never leaves it, so a submit whose snapshot was seen
// before needs no look at the disk.
#pragma once

#include <cstddef>
#include <mutex>
#include <set>

#include "base/digest.h"

namespace muster::server {

// Thread-safe.
class KnownBlobs {
 public:
  bool Contains(const Digest& digest) const {
    const std::lock_guard lock(mutex_);
    return digests_.contains(digest);
  }
  void Add(const Digest& digest) {
    const std::lock_guard lock(mutex_);
    if (digests_.size() >= kMax) digests_.clear();
    digests_.insert(digest);
  }

 private:
  static constexpr std::size_t kMax = 10'000;
  mutable std::mutex mutex_;
  std::set<Digest> digests_;
};

}  // namespace muster::server
