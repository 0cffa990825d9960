// tracking.db: the run record, apart from the state database so that no flood of metrics delays a
// submit. One writer thread with a bounded queue of its own groups what waits into one transaction
// with one fsync.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "storage/tracking/changes.h"
#include "storage/tracking/reader.h"

namespace muster::storage {

class TrackingStore {
 public:
  // Makes the database if it was never there; refuses a damaged one (kCorruptState) or one of a
  // newer program. The state directory must be locked (Database::Open) and the lock outlive the
  // store.
  static Result<std::unique_ptr<TrackingStore>> Open(const std::string& state_directory,
                                                     const TrackingLimits& limits);
  virtual ~TrackingStore() = default;

  using OnDone = std::function<void(Result<TrackingAnswer>)>;
  // Thread-safe. `on_done` runs once: on the writer's thread, in the order of submission, after
  // what it says is on disk; or at once, on this one, with RESOURCE_EXHAUSTED (kTooMany) when too
  // much waits, and UNAVAILABLE after Stop or a failure. It must not block. The store reads
  // `change` until then, and no longer.
  //
  // A full disk fails the group that met it (RESOURCE_EXHAUSTED, kDiskReserve). After any other
  // failure nothing more is written until a restart, jobs go on: what was not acknowledged is with
  // the clients, memory holds nothing that the disk does not.
  virtual void Submit(std::shared_ptr<const TrackingChange> change, OnDone on_done) = 0;
  // Each is for one thread at a time.
  virtual Result<std::unique_ptr<TrackingReader>> OpenReader() = 0;
  // Writes what is queued, ends the thread, checkpoints.
  virtual void Stop() = 0;
};

}  // namespace muster::storage
