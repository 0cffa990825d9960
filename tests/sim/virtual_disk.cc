#include "tests/sim/virtual_disk.h"

#include <utility>

namespace muster::sim {

void VirtualDisk::Append(storage::Batch batch, std::function<void()> on_durable,
                         std::function<void()> /*at_once*/) {
  queued_.push_back(Entry{std::move(batch), std::move(on_durable)});
  if (committing_.empty()) StartCommit();
}

void VirtualDisk::StartCommit() {
  committing_ = std::exchange(queued_, {});
  const bool slow = world_.time() < slow_until_;
  const Duration duration = slow ? world_.Between(milliseconds(100), seconds(4))
                                 : world_.Between(microseconds(300), milliseconds(5));
  world_.After(duration, [this, generation = generation_] {
    if (generation == generation_) EndCommit();
  });
}

void VirtualDisk::EndCommit() {
  const std::vector<Entry> done = std::exchange(committing_, {});
  for (const Entry& entry : done) log_.Write(entry.batch);
  if (!queued_.empty()) StartCommit();
  for (const Entry& entry : done) entry.on_durable();
}

void VirtualDisk::Crash() {
  ++generation_;
  const bool under_way_is_durable = world_.Chance(500);
  for (const Entry& entry : committing_) {
    if (under_way_is_durable) log_.Write(entry.batch);
  }
  committing_.clear();
  queued_.clear();
}

}  // namespace muster::sim
