// The core loop on a thread of its own. Commands and queries come through one queue without a lock
// and with one wake-up for many; a turn handles a bounded number of them and then gives timers, the
// planner and finished commits their turn. Steps run ahead of the disk; what they say is held back
// until then.
#pragma once

#include <cstddef>
#include <memory>

#include "server/core/core.h"
#include "server/core_loop.h"
#include "server/loop/outside.h"
#include "storage/sqlite/database.h"
#include "storage/store.h"

namespace muster::server {

struct CoreLoopLimits {
  // Commands accepted and not yet answered. Nodes may use twice as much: what they say about
  // running jobs still gets in when clients have filled the queue.
  std::size_t max_commands = 20'000;
  // Bytes of the job specifications among them.
  std::size_t max_bytes = std::size_t{64} << 20;
  // Handled in one turn.
  std::size_t burst = 128;
};

class CoreThread final : public CoreLoop {
 public:
  explicit CoreThread(const CoreLoopLimits& limits);
  // Stops, if Stop was not called.
  ~CoreThread() override;

  // For Database::StartWriter. Valid until the destructor; after Stop what is posted never runs.
  storage::PostToCore Poster();
  // Once. Runs Core::Start on the new thread, then whatever was posted. All three must outlive
  // Stop.
  void Start(Core& core, storage::Store& store, Outside& outside);
  // Ends the thread. Requests without an answer get UNAVAILABLE. Not on the core thread.
  void Stop();

  void Post(scheduler::Command command, std::function<void(Result<ReplyValue>)> on_reply) override;
  void Query(std::function<void(const Core&, Now)> query) override;
  void QueryAfter(Duration delay, std::function<void(const Core&, Now)> query) override;
  // Commands accepted and not yet answered.
  std::size_t outstanding() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace muster::server
