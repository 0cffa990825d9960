// Looks whether paths are on this node, for the server's CheckPaths. A look may hang for as long as
// a dead mount does, so it has a thread of its own.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <string>

#include "agent/session/worker_pool.h"
#include "muster/v1/agent.pb.h"

namespace muster::agent {

class PathChecker {
 public:
  using IsMissing = std::function<bool(const std::string& path)>;
  using OnChecked = std::function<void(v1::PathsChecked)>;
  static constexpr std::size_t kMaxWaiting = 16;

  // `is_missing` may block.
  explicit PathChecker(IsMissing is_missing) : is_missing_(std::move(is_missing)) {}

  // Thread-safe, never blocks. `on_checked` runs on the checker's thread. False, and it never runs,
  // while kMaxWaiting questions wait for the one that is being looked at.
  bool Check(v1::CheckPaths question, OnChecked on_checked);
  // Drops what waits; true once nothing is being looked at, false after `timeout`.
  bool Drain(Duration timeout) { return worker_.Drain(timeout); }

 private:
  v1::PathsChecked Look(const v1::CheckPaths& question) const;

  const IsMissing is_missing_;
  std::atomic<std::size_t> taken_ = 0;  // waiting, or being looked at
  WorkerPool worker_{1};                // last: its thread uses the rest
};

}  // namespace muster::agent
