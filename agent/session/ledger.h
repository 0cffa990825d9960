// What this node has taken on, on disk: <dir>/ledger/<job>.<attempt>, one file an attempt, each
// replaced as a whole (temporary file, fsync, rename, fsync of the directory) but for the one byte
// that says that it is launched. Blocking I/O; thread-safe as long as no two threads write the same
// attempt at once.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/core/agent_core.h"
#include "base/result.h"

namespace muster::agent {

enum class LedgerPhase : std::uint8_t {
  kPreparing = 1,  // taken on: staged, or being staged
  kLaunched,       // a shim may have been started
  kFailed,         // could not be staged or launched: `failure` says why
};

struct LedgerRecord {
  AttemptId id;
  LedgerPhase phase = LedgerPhase::kPreparing;
  std::shared_ptr<const std::string> task;
  Duration lease{};
  std::optional<Failure> failure;
};

class Ledger {
 public:
  // The directory exists. Removes what a crash left half written.
  static Result<std::unique_ptr<Ledger>> Open(std::string directory);

  // A damaged record is left out with a warning: its attempt counts as not prepared. One that is
  // removed meanwhile may be left out.
  std::vector<LedgerRecord> Load() const;
  // On disk when it returns. A launched attempt keeps the task and the lease that it was put
  // with first.
  Status Put(const LedgerRecord& record);
  // No failure: an entry that comes back after a crash is removed again by the server's level.
  void Remove(const AttemptId& id);

  // Until when leases hold on this boot's steady clock. Survives the process, not the machine: no
  // fsync.
  void NoteLeases(const std::vector<LeaseState>& leases);
  std::vector<LeaseState> LoadLeases() const;

  // The newest epoch of a server that this node has obeyed; 0 at first.
  std::uint64_t seen_epoch() const { return seen_epoch_; }
  Status PutSeenEpoch(std::uint64_t epoch);
  // Of the agent's last start; empty at first.
  const std::string& boot_id() const { return boot_id_; }
  Status PutBootId(const std::string& boot_id);

 private:
  explicit Ledger(std::string directory) : directory_(std::move(directory)) {}
  Status Write(const std::string& name, const std::string& content) const;
  bool MarkLaunched(const std::string& name) const;

  std::string directory_;
  std::uint64_t seen_epoch_ = 0;
  std::string boot_id_;
  std::vector<LeaseState> noted_leases_;
};

// "<job>.<attempt>"; a job id that is too long for a file name is cut and told apart by its digest.
std::string AttemptName(const AttemptId& id);

}  // namespace muster::agent
