// What waits for durability: entries leave in the order they came, each once its batch, and all
// batches before it, are on disk. An entry without a batch waits for those before it and costs no
// write of its own. Not thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <utility>

#include "base/check.h"

namespace muster::server {

template <class T>
class ReleaseQueue {
 public:
  // The number to say to MarkDurable when the entry's batch is on disk.
  std::uint64_t Push(bool has_batch, T entry) {
    if (has_batch) ++appended_;
    queue_.push_back(Waiting{appended_, std::move(entry)});
    return appended_;
  }
  // Batches become durable in the order they were appended.
  void MarkDurable(std::uint64_t batch) {
    MUSTER_CHECK(batch == durable_ + 1 && batch <= appended_, "batches out of order");
    durable_ = batch;
  }
  bool Ready() const { return !queue_.empty() && queue_.front().batch <= durable_; }
  // The oldest entry; only when Ready.
  T Pop() {
    MUSTER_CHECK(Ready());
    return Abandon();
  }
  // The oldest entry, durable or not, of one who gives up on it; only when there is one.
  T Abandon() {
    T entry = std::move(queue_.front().entry);
    queue_.pop_front();
    return entry;
  }
  std::size_t size() const { return queue_.size(); }

 private:
  struct Waiting {
    std::uint64_t batch;
    T entry;
  };
  std::deque<Waiting> queue_;
  std::uint64_t appended_ = 0;
  std::uint64_t durable_ = 0;
};

}  // namespace muster::server
