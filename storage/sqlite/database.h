// The SQLite store: state.db in the state directory, WAL, synchronous=FULL, 0600.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "scheduler/model/state.h"
#include "storage/history.h"
#include "storage/store.h"

namespace muster::storage {

// Runs a function on the core's executor. Called from the writer thread.
using PostToCore = std::function<void(std::function<void()>)>;

class Database {
 public:
  // Takes the lock of the state directory (a second server is refused: kStateLocked), checks
  // header, size and schema (kCorruptState says which check failed and how to restore;
  // kSchemaTooNew), migrates.
  static Result<std::unique_ptr<Database>> Open(const std::string& state_directory);
  virtual ~Database() = default;

  // The state that the current rows describe, derived members filled in. Call before StartWriter.
  virtual Result<scheduler::State> Load() = 0;
  // Starts the one writer thread. It groups all queued batches (up to a bound) into one
  // transaction.
  virtual Store& StartWriter(PostToCore post) = 0;
  // Writes out what is queued, ends the thread, checkpoints.
  virtual void StopWriter() = 0;
  virtual Result<std::unique_ptr<History>> OpenHistory() = 0;
  // Folds all events and compares with the rows; one sentence a difference.
  virtual Result<std::vector<std::string>> Fsck() = 0;
};

}  // namespace muster::storage
