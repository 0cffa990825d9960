#include "agent/session/blob_cache.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "agent/session/disk.h"
#include "base/log.h"
#include "muster/v1/agent.pb.h"

namespace muster::agent {

std::vector<storage::BlobEntry> PlanTrim(std::vector<storage::BlobEntry> blobs,
                                         const std::set<Digest>& kept, std::uint64_t max_bytes,
                                         std::uint64_t short_bytes) {
  std::uint64_t total_bytes = 0;
  for (const auto& blob : blobs) total_bytes += blob.size_bytes;
  std::sort(blobs.begin(), blobs.end(),
            [](const auto& a, const auto& b) { return a.used_at < b.used_at; });
  std::vector<storage::BlobEntry> going;
  std::uint64_t won_bytes = 0;
  for (const auto& blob : blobs) {
    if (total_bytes - won_bytes <= max_bytes && won_bytes >= short_bytes) break;
    if (kept.contains(blob.digest)) continue;
    won_bytes += blob.size_bytes;
    going.push_back(blob);
  }
  return going;
}

std::set<Digest> DigestsOf(const std::vector<LedgerRecord>& records) {
  std::set<Digest> digests;
  for (const LedgerRecord& record : records) {
    v1::AttemptTask task;
    if (!record.task || !task.ParseFromString(*record.task)) continue;
    if (const auto digest = Digest::Parse(task.spec().snapshot_digest())) digests.insert(*digest);
  }
  return digests;
}

BlobCache::BlobCache(storage::BlobStore& blobs, std::function<std::set<Digest>()> held,
                     BlobCacheConfig config)
    : blobs_(blobs), held_(std::move(held)), config_(std::move(config)) {}

BlobCache::Pin BlobCache::Use(const Digest& digest) {
  const std::lock_guard lock(mutex_);
  ++pins_[digest];
  blobs_.NoteUsed(digest);
  return {nullptr, [this, digest](void*) { Release(digest); }};
}

void BlobCache::Release(const Digest& digest) {
  const std::lock_guard lock(mutex_);
  const auto pin = pins_.find(digest);
  if (--pin->second == 0) pins_.erase(pin);
}

void BlobCache::Trim() {
  const std::lock_guard one(trimming_);
  std::set<Digest> kept = held_();
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [digest, count] : pins_) kept.insert(digest);
  }
  RemoveTransfers(kept);
  const auto blobs = blobs_.List();
  if (!blobs) {
    Log(LogLevel::kWarning, "blobs_not_listed", {{"error", blobs.error().message}});
    return;
  }
  const DiskSpace disk = ReadDiskSpace(config_.directory, config_.disk_reserve_bytes);
  // Twice the reserve, lest the next blob makes it low again.
  const std::uint64_t short_bytes = disk.low ? 2 * config_.disk_reserve_bytes - disk.free_bytes : 0;
  std::uint64_t removed = 0;
  std::uint64_t removed_bytes = 0;
  for (const auto& blob : PlanTrim(*blobs, kept, config_.max_bytes, short_bytes)) {
    const std::lock_guard lock(mutex_);
    if (IsPinned(blob.digest)) continue;  // since the plan was made
    if (const Status gone = blobs_.Remove(blob.digest); !gone) {
      Log(LogLevel::kWarning, "blob_not_removed", {{"error", gone.error().message}});
      continue;
    }
    ++removed;
    removed_bytes += blob.size_bytes;
  }
  if (removed == 0) return;
  Log(LogLevel::kInfo, "blobs_removed",
      {{"count", std::to_string(removed)}, {"bytes", std::to_string(removed_bytes)}});
}

void BlobCache::RemoveTransfers(const std::set<Digest>& kept) {
  std::error_code error;
  for (std::filesystem::directory_iterator file(config_.incoming_directory, error), end;
       !error && file != end; file.increment(error)) {
    const auto digest = Digest::Parse(file->path().filename().string());
    const std::lock_guard lock(mutex_);
    if (digest && (kept.contains(*digest) || IsPinned(*digest))) continue;
    if (unlink(file->path().c_str()) == 0) {
      Log(LogLevel::kInfo, "transfer_removed", {{"file", file->path().string()}});
    }
  }
}

}  // namespace muster::agent
