// Deletes directory trees away from the loop's thread. A tree is first renamed into the trash
// directory, which takes no time; what a crash leaves there is deleted at the next start.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>

#include "base/result.h"
#include "base/time.h"

namespace muster::agent {

// When a thread of the trash deletes: in a quiet moment, so that deleting takes no time from the
// jobs that start and end just then, but soon enough that the space is not missed.
struct TrashPace {
  Duration quiet = std::chrono::seconds(1);     // nothing was thrown away for so long, or
  Duration longest = std::chrono::seconds(10);  // the oldest has lain there for so long, or
  std::uint64_t most = 1'000;                   // so many wait
};

class Trash {
 public:
  // `directory` must be on the file system of what is thrown away.
  static Result<std::unique_ptr<Trash>> Open(std::string directory, const TrashPace& pace = {});
  ~Trash();  // leaves the rest for the next start
  Trash(const Trash&) = delete;
  Trash& operator=(const Trash&) = delete;

  // Any thread. Nothing at `path` is fine.
  Status Throw(const std::string& path);

 private:
  Trash(std::string directory, const TrashPace& pace);
  void Run();
  void AwaitQuiet(std::unique_lock<std::mutex>& lock);
  void Empty();

  const std::string directory_;
  const TrashPace pace_;
  const std::string prefix_;  // of names of this process
  std::atomic<std::uint64_t> count_{0};
  std::atomic<bool> stop_{false};
  std::mutex mutex_;
  std::condition_variable wake_;
  bool filled_ = true;         // by the process before
  std::uint64_t waiting_ = 0;  // thrown by this process since the trash was emptied
  SteadyPoint oldest_{};       // of those
  SteadyPoint newest_{};
  std::thread thread_;
};

}  // namespace muster::agent
