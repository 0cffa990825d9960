// The server's store in virtual time: one group commit at a time, slow at times. A crash loses what
// was queued; the commit under way is then lost or, unknown to anybody, durable.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "storage/store.h"
#include "tests/sim/durable_log.h"
#include "tests/sim/world.h"

namespace muster::sim {

class VirtualDisk final : public storage::Store {
 public:
  VirtualDisk(World& world, DurableLog& log) : world_(world), log_(log) {}

  void Append(storage::Batch batch, std::function<void()> on_durable,
              std::function<void()> at_once) override;
  void Crash();
  void SlowUntil(Duration until) { slow_until_ = until; }

 private:
  struct Entry {
    storage::Batch batch;
    std::function<void()> on_durable;
  };
  void StartCommit();
  void EndCommit();

  World& world_;
  DurableLog& log_;
  std::vector<Entry> queued_;
  std::vector<Entry> committing_;
  Duration slow_until_{};
  std::uint64_t generation_ = 0;  // a crash makes the commits before it void
};

}  // namespace muster::sim
