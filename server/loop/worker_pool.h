// A few threads for work that may wait for the disk, behind a bounded queue.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace muster::server {

class WorkerPool {
 public:
  // The argument is the number of the thread that runs it, 0..threads - 1.
  using Work = std::function<void(std::size_t)>;

  WorkerPool(std::size_t threads, std::size_t max_queued);
  // Runs what is queued, then ends.
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // Thread-safe. False, and the work will never run, when the queue is full.
  [[nodiscard]] bool Submit(Work work);
  // The same without the bound, for the next step of something already admitted (each has one at
  // most).
  void Continue(Work work);

 private:
  void Run(std::size_t thread_number);

  const std::size_t max_queued_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Work> queue_;
  bool ending_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace muster::server
