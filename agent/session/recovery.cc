#include "agent/session/recovery.h"

#include <algorithm>
#include <map>
#include <utility>

namespace muster::agent {
namespace {

// Nothing of it was found on this node but the record.
RecoveredAttempt FromRecord(const LedgerRecord& record) {
  RecoveredAttempt attempt;
  attempt.id = record.id;
  switch (record.phase) {
    case LedgerPhase::kPreparing:
      break;
    case LedgerPhase::kLaunched:
      attempt.phase = ObservedPhase::kExited;
      attempt.failure = Failure{FailureCode::kShimLost,
                                "The attempt's directory was gone when the agent started again."};
      break;
    case LedgerPhase::kFailed:
      attempt.phase = ObservedPhase::kExited;
      break;
  }
  return attempt;
}

void Complete(RecoveredAttempt& attempt, const LedgerRecord& record) {
  if (!attempt.task) attempt.task = record.task;
  attempt.lease = record.lease;
  const bool nothing_started =
      attempt.phase == ObservedPhase::kPreparing || attempt.phase == ObservedPhase::kReady;
  if (record.phase == LedgerPhase::kFailed) {
    if (nothing_started) attempt.phase = ObservedPhase::kExited;
    if (!attempt.failure) attempt.failure = record.failure;
  }
}

}  // namespace

std::vector<RecoveredAttempt> Recover(const std::vector<LedgerRecord>& ledger,
                                      const std::vector<LeaseState>& leases,
                                      std::vector<RecoveredAttempt> found) {
  std::map<AttemptId, RecoveredAttempt> attempts;
  for (RecoveredAttempt& attempt : found) attempts[attempt.id] = std::move(attempt);
  // What has no record was not taken on for certain: if nothing was started, it is staged again.
  for (auto& [id, attempt] : attempts) {
    const bool recorded = std::any_of(ledger.begin(), ledger.end(),
                                      [&, &key = id](const auto& r) { return r.id == key; });
    if (!recorded && attempt.phase == ObservedPhase::kReady) {
      attempt.phase = ObservedPhase::kPreparing;
    }
  }
  for (const LedgerRecord& record : ledger) {
    const auto [entry, absent] = attempts.try_emplace(record.id);
    if (absent) entry->second = FromRecord(record);
    Complete(entry->second, record);
  }
  for (const LeaseState& lease : leases) {
    const auto entry = attempts.find(lease.id);
    if (entry != attempts.end()) entry->second.lease_until = lease.until;
  }
  std::vector<RecoveredAttempt> result;
  result.reserve(attempts.size());
  for (auto& [id, attempt] : attempts) result.push_back(std::move(attempt));
  return result;
}

}  // namespace muster::agent
