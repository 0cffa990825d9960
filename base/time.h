// Time is an argument of everything that decides. Wall time is for people and records; steady time
// is for deadlines and leases, and does not survive a restart of the process that read it.
#pragma once

#include <chrono>
#include <string>

namespace muster {

using Duration = std::chrono::microseconds;

// Wall time, UTC, since 1970.
using TimePoint = std::chrono::time_point<std::chrono::system_clock, Duration>;

struct SteadyClockTag {
  using rep = Duration::rep;
  using period = Duration::period;
  using duration = Duration;
  using time_point = std::chrono::time_point<SteadyClockTag>;
  static constexpr bool is_steady = true;
};
using SteadyPoint = std::chrono::time_point<SteadyClockTag, Duration>;

struct Now {
  TimePoint wall;
  SteadyPoint steady;
};

// Reads both clocks of this machine. Only edges (main, loops) call it.
Now ReadClock();

std::int64_t ToMicros(TimePoint time);
TimePoint FromMicros(std::int64_t micros);

// "2026-11-24T06:12:02.123Z"
std::string FormatUtc(TimePoint time);
// "850 ms", "12.3 s", "4 min 5 s", "3 h 12 min"
std::string FormatDuration(Duration duration);

}  // namespace muster
