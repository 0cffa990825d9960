#include "tests/sim/world.h"

#include <algorithm>
#include <cstdio>
#include <utility>

namespace muster::sim {

namespace {

// 2026-11-01T00:00:00Z: job ids and records carry plausible dates.
constexpr TimePoint kWallStart{seconds(1'793'491'200)};

}  // namespace

Now World::NowOn(const MachineClock& clock) const {
  return Now{kWallStart + time_ + clock.wall_offset, SteadyPoint(time_ + clock.steady_offset)};
}

bool World::Later(const Entry& a, const Entry& b) {
  return a.when != b.when ? a.when > b.when : a.order > b.order;
}

void World::At(Duration when, std::function<void()> action) {
  heap_.push_back(Entry{std::max(when, time_), order_++, std::move(action)});
  std::push_heap(heap_.begin(), heap_.end(), Later);
}

void World::RunUntil(Duration end, const std::function<void()>& after_each) {
  while (!heap_.empty() && heap_.front().when <= end) {
    std::pop_heap(heap_.begin(), heap_.end(), Later);
    const Entry entry = std::move(heap_.back());
    heap_.pop_back();
    time_ = entry.when;
    entry.action();
    ++steps_;
    after_each();
  }
  time_ = end;
}

Duration World::Between(Duration low, Duration high) {
  if (high <= low) return low;
  const auto span = static_cast<std::uint64_t>((high - low).count());
  return low + Duration(static_cast<std::int64_t>(random_.Below(span + 1)));
}

std::uint32_t World::Pick(std::uint32_t low, std::uint32_t high) {
  return low + static_cast<std::uint32_t>(random_.Below(high - low + 1));
}

void World::Print(const std::string& line) const {
  const auto micros = time_.count();
  std::printf("%02lld:%02lld.%06lld  %s\n", static_cast<long long>(micros / 60'000'000),
              static_cast<long long>(micros / 1'000'000 % 60),
              static_cast<long long>(micros % 1'000'000), line.c_str());
}

}  // namespace muster::sim
