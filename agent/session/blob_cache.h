// Keeps the blobs of a node within bounds: those that no attempt here names go, least recently used
// first, when they take more than their quota or the disk is low. Thread-safe; Trim blocks.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "agent/session/ledger.h"
#include "base/digest.h"
#include "storage/blob_store.h"

namespace muster::agent {

struct BlobCacheConfig {
  std::string directory;           // whose file system must not run full
  std::string incoming_directory;  // transfers, each named by its digest
  std::uint64_t max_bytes = 50ULL << 30;
  std::uint64_t disk_reserve_bytes = 0;
};

// What goes: the least recently used that are not kept, until the rest fits into max_bytes and
// short_bytes were won.
std::vector<storage::BlobEntry> PlanTrim(std::vector<storage::BlobEntry> blobs,
                                         const std::set<Digest>& kept, std::uint64_t max_bytes,
                                         std::uint64_t short_bytes);

// The snapshots of all attempts that the ledger holds.
std::set<Digest> DigestsOf(const std::vector<LedgerRecord>& records);

class BlobCache {
 public:
  // `held`: what attempts of this node name; called in Trim, on its thread. `blobs` outlives it.
  BlobCache(storage::BlobStore& blobs, std::function<std::set<Digest>()> held,
            BlobCacheConfig config);

  storage::BlobStore& blobs() { return blobs_; }

  // A blob that is in use, and a transfer of it, stays; it counts as used now. Take it before you
  // look whether the blob is there. The pin ends before the cache.
  using Pin = std::shared_ptr<void>;
  Pin Use(const Digest& digest);

  // A blob came: the next TrimIfGrown has something to do.
  void Added() { grown_ = true; }
  // Costs nothing while no blob has come.
  void TrimIfGrown() {
    if (grown_.exchange(false)) Trim();
  }
  // Removes transfers that nobody waits for, then what PlanTrim says.
  void Trim();

 private:
  void Release(const Digest& digest);
  void RemoveTransfers(const std::set<Digest>& kept);
  bool IsPinned(const Digest& digest) const { return pins_.contains(digest); }

  storage::BlobStore& blobs_;
  std::function<std::set<Digest>()> held_;
  BlobCacheConfig config_;
  std::atomic<bool> grown_ = false;
  std::mutex trimming_;  // one Trim at a time
  std::mutex mutex_;     // a blob is removed, and pinned, under it
  std::map<Digest, int> pins_;
};

}  // namespace muster::agent
