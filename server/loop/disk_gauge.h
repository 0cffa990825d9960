// Free space of the state directory, as measured last.
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>

namespace muster::server {

// Thread-safe.
class DiskGauge {
 public:
  explicit DiskGauge(std::uint64_t reserve_bytes) : reserve_bytes_(reserve_bytes) {}

  void Set(std::uint64_t free_bytes) { free_bytes_.store(free_bytes); }
  std::uint64_t free_bytes() const { return free_bytes_.load(); }
  std::uint64_t reserve_bytes() const { return reserve_bytes_; }
  // New blobs and jobs stop at the reserve.
  bool FitsNewWork(std::uint64_t bytes) const {
    const std::uint64_t free = free_bytes();
    return free >= reserve_bytes_ && free - reserve_bytes_ >= bytes;
  }
  // Logs of running jobs may use half of it; the rest is for the database.
  bool FitsLogs() const { return free_bytes() >= reserve_bytes_ / 2; }

 private:
  const std::uint64_t reserve_bytes_;
  std::atomic<std::uint64_t> free_bytes_ = std::numeric_limits<std::uint64_t>::max();
};

}  // namespace muster::server
