// A few threads for work that blocks: staging and durable writes.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "base/time.h"

namespace muster::agent {

class WorkerPool {
 public:
  explicit WorkerPool(unsigned threads);
  // Waits for what is running; what is queued is dropped.
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // Thread-safe, never blocks. In the order of the calls as far as threads allow. The queue is
  // bounded by the number of attempts a node may hold.
  void Post(std::function<void()> work);
  // Drops what is queued; true once nothing is running, false after `timeout`.
  bool Drain(Duration timeout);

 private:
  void Run();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> queue_;
  unsigned busy_ = 0;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace muster::agent
