// Threads that read what is durable, each with a read-only connection of its own.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "server/loop/worker_pool.h"
#include "storage/history.h"

namespace muster::server {

template <class Connection>
class ReaderThreads {
 public:
  using Work = std::function<void(Connection&)>;

  // One thread for each connection.
  ReaderThreads(std::vector<std::unique_ptr<Connection>> connections, std::size_t max_queued)
      : connections_(std::move(connections)), pool_(connections_.size(), max_queued) {}

  // Thread-safe. False, and the work will never run, when too much is queued.
  [[nodiscard]] bool Submit(Work work) { return pool_.Submit(Bind(std::move(work))); }
  // Without the bound, for the next step of something admitted before.
  void Continue(Work work) { pool_.Continue(Bind(std::move(work))); }

 private:
  WorkerPool::Work Bind(Work work) {
    return [this, work = std::move(work)](std::size_t thread) { work(*connections_[thread]); };
  }

  std::vector<std::unique_ptr<Connection>> connections_;
  WorkerPool pool_;
};

using HistoryReaders = ReaderThreads<storage::History>;

}  // namespace muster::server
