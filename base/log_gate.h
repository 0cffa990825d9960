// Lets through one log line an interval of what hostile peers can cause at any rate, and counts the
// others.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>

#include "base/time.h"

namespace muster {

// Thread-safe.
class LogGate {
 public:
  explicit LogGate(Duration interval) : interval_us_(interval.count()) {}

  // How many lines were held back since the last one that may be written; nothing: hold this one
  // back too.
  std::optional<std::int64_t> Pass(SteadyPoint now) {
    const std::int64_t now_us = now.time_since_epoch().count();
    std::int64_t next = next_us_.load(std::memory_order_relaxed);
    if (now_us < next || !next_us_.compare_exchange_strong(next, now_us + interval_us_)) {
      held_back_.fetch_add(1, std::memory_order_relaxed);
      return std::nullopt;
    }
    return held_back_.exchange(0, std::memory_order_relaxed);
  }

 private:
  const std::int64_t interval_us_;
  std::atomic<std::int64_t> next_us_ = 0;
  std::atomic<std::int64_t> held_back_ = 0;
};

}  // namespace muster
