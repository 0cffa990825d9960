// Virtual time, chance and the trace of one simulation. Everything that happens is an event of one
// heap; events of the same moment happen in the order they were scheduled.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/time.h"

namespace muster::sim {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

// A machine's clocks against the true time. A process reads time through its machine's.
struct MachineClock {
  Duration wall_offset{};
  Duration steady_offset{};
};

class World {
 public:
  World(std::uint64_t seed, bool tracing) : random_(seed), tracing_(tracing) {}
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // True time since the start.
  Duration time() const { return time_; }
  Now NowOn(const MachineClock& clock) const;

  void At(Duration when, std::function<void()> action);
  void After(Duration delay, std::function<void()> action) { At(time_ + delay, std::move(action)); }
  // Runs what is due up to `end`, calling `after_each` after every event.
  void RunUntil(Duration end, const std::function<void()>& after_each);
  std::uint64_t steps() const { return steps_; }

  Random& random() { return random_; }
  // True in `per_mille` of 1,000 cases.
  bool Chance(std::uint32_t per_mille) { return random_.Below(1000) < per_mille; }
  Duration Between(Duration low, Duration high);
  std::uint32_t Pick(std::uint32_t low, std::uint32_t high);

  bool tracing() const { return tracing_; }
  // Prints a line with the time; `line` is a function, called only when tracing.
  template <class Line>
  void Trace(Line&& line) const {
    if (tracing_) Print(line());
  }

 private:
  struct Entry {
    Duration when{};
    std::uint64_t order = 0;
    std::function<void()> action;
  };
  static bool Later(const Entry& a, const Entry& b);
  void Print(const std::string& line) const;

  Duration time_{};
  std::uint64_t order_ = 0;
  std::uint64_t steps_ = 0;
  std::vector<Entry> heap_;
  SeededRandom random_;
  bool tracing_;
};

}  // namespace muster::sim
