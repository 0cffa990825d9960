// The real core behind CoreLoop, on the caller's thread and without a disk: every step is durable
// at once.
#pragma once

#include <mutex>
#include <utility>

#include "base/check.h"
#include "base/random.h"
#include "server/core/core.h"
#include "server/core_loop.h"

namespace muster::server {

class InlineLoop final : public CoreLoop {
 public:
  InlineLoop() : random_(1), core_(CoreConfig{}, scheduler::State{}, random_) {
    core_.Start(ReadClock());
  }

  void Post(scheduler::Command command, std::function<void(Result<ReplyValue>)> on_reply) override {
    on_reply(Run(command));
  }

  void Query(std::function<void(const Core&, Now)> query) override {
    const std::lock_guard lock(mutex_);
    query(core_, ReadClock());
  }

  // Time does not pass here.
  void QueryAfter(Duration, std::function<void(const Core&, Now)>) override {}

  Result<ReplyValue> Run(const scheduler::Command& command) {
    const std::lock_guard lock(mutex_);
    StepOutput output = core_.Handle(1, command, ReadClock());
    MUSTER_CHECK(output.replies.size() == 1);
    return std::move(output.replies.front().value);
  }

  // While no call is under way.
  const scheduler::State& state() const { return core_.state(); }

 private:
  std::mutex mutex_;
  SeededRandom random_;
  Core core_;
};

}  // namespace muster::server
