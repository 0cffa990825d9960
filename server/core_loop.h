// The thread that owns the core. Everything that reads or changes state comes through here; nothing
// else touches it, so there is no lock around it.
#pragma once

#include <functional>

#include "base/result.h"
#include "base/time.h"
#include "scheduler/model/command.h"
#include "server/core/core.h"

namespace muster::server {

class CoreLoop {
 public:
  virtual ~CoreLoop() = default;

  // Thread-safe, never blocks. `on_reply` runs on the core thread, once what it says is durable; it
  // must not block. That of a SubmitJob may run on the store's thread instead. RESOURCE_EXHAUSTED
  // at once when too many commands are queued.
  virtual void Post(scheduler::Command command,
                    std::function<void(Result<ReplyValue>)> on_reply) = 0;
  // Runs `query` on the core thread between two steps. Bounded work, no I/O.
  virtual void Query(std::function<void(const Core&, Now)> query) = 0;
  // The same after `delay`, not before; never, if the loop has ended by then.
  virtual void QueryAfter(Duration delay, std::function<void(const Core&, Now)> query) = 0;
};

}  // namespace muster::server
