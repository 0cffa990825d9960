// Free space of the state directory: as measured last, less what was written since.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <limits>

namespace muster::server {

// Thread-safe.
class DiskGauge {
 public:
  explicit DiskGauge(std::uint64_t reserve_bytes) : reserve_bytes_(reserve_bytes) {}

  // Of all time; take it before a measurement, for Set.
  std::uint64_t written_bytes() const { return written_bytes_.load(); }
  void Set(std::uint64_t free_bytes, std::uint64_t written_before) {
    measured_at_.store(written_before);
    measured_bytes_.store(free_bytes);
  }

  std::uint64_t free_bytes() const {
    const std::uint64_t measured = measured_bytes_.load();
    return measured - std::min(measured, written_bytes_.load() - measured_at_.load());
  }
  std::uint64_t reserve_bytes() const { return reserve_bytes_; }
  // New blobs and jobs stop at the reserve.
  bool FitsNewWork(std::uint64_t bytes) const { return Fits(bytes, reserve_bytes_); }
  // Logs of running jobs may use half of it; the rest is for the database.
  bool FitsLogs(std::uint64_t bytes) const { return Fits(bytes, reserve_bytes_ / 2); }
  // Before the bytes are written.
  void NoteWrite(std::uint64_t bytes) { written_bytes_.fetch_add(bytes); }

 private:
  bool Fits(std::uint64_t bytes, std::uint64_t reserve) const {
    const std::uint64_t free = free_bytes();
    return free >= reserve && free - reserve >= bytes;
  }

  const std::uint64_t reserve_bytes_;
  std::atomic<std::uint64_t> measured_bytes_ = std::numeric_limits<std::uint64_t>::max();
  std::atomic<std::uint64_t> measured_at_ = 0;
  std::atomic<std::uint64_t> written_bytes_ = 0;
};

}  // namespace muster::server
