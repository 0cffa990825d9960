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

namespace muster::agent {

class Trash {
 public:
  // `directory` must be on the file system of what is thrown away.
  static Result<std::unique_ptr<Trash>> Open(std::string directory);
  ~Trash();  // leaves the rest for the next start
  Trash(const Trash&) = delete;
  Trash& operator=(const Trash&) = delete;

  // Any thread. Nothing at `path` is fine.
  Status Throw(const std::string& path);

 private:
  explicit Trash(std::string directory);
  void Run();
  void Empty();

  std::string directory_;
  std::string prefix_;  // of names of this process
  std::atomic<std::uint64_t> count_{0};
  std::atomic<bool> stop_{false};
  std::mutex mutex_;
  std::condition_variable wake_;
  bool filled_ = true;  // by the process before
  std::thread thread_;
};

}  // namespace muster::agent
