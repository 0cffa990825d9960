// The one writer thread: takes what is queued, up to a bound, into one transaction with one fsync.
#pragma once

#include <memory>

#include "storage/sqlite/connection.h"
#include "storage/sqlite/database.h"
#include "storage/store.h"

namespace muster::storage {

// Limits of one transaction.
inline constexpr std::size_t kGroupMaxBatches = 1'000;
inline constexpr std::size_t kGroupMaxBytes = 8ULL << 20;
// Pages of 4 KiB in the write-ahead log after which the writer checkpoints: between two groups
// while it is busy, and sooner when it has nothing to do.
inline constexpr int kCheckpointPagesBusy = 8'192;
inline constexpr int kCheckpointPagesIdle = 256;

class Writer : public Store {
 public:
  // `connection` is used by the writer's thread alone from now until Stop returns.
  static Result<std::unique_ptr<Writer>> Start(Connection& connection, PostToCore post);

  // Writes out what is queued, ends the thread, checkpoints. Nothing may be appended from now on.
  virtual void Stop() = 0;
};

}  // namespace muster::storage
