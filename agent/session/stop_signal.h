// Tells blocking work that the agent ends.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>

#include "base/time.h"

namespace muster::agent {

// Thread-safe; set once, never cleared.
class StopSignal {
 public:
  // Wakes all sleepers and runs all registered functions, on the caller's thread.
  void Set();
  bool IsSet() const;
  // Sleeps; true if it was cut short, or had been set before.
  bool SleepFor(Duration duration);

  // Runs `on_stop` when the signal is set (at once if it has been). It must not block nor touch the
  // signal; after the registration is gone it is not running and will not run.
  class Registration {
   public:
    Registration(StopSignal& signal, std::function<void()> on_stop);
    ~Registration();
    Registration(const Registration&) = delete;
    Registration& operator=(const Registration&) = delete;

   private:
    StopSignal& signal_;
    int key_;
  };

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool set_ = false;
  int next_key_ = 0;
  std::map<int, std::function<void()>> functions_;
};

}  // namespace muster::agent
