// Where the effects of the core go in the real server: sessions, identities, watches.
#pragma once

#include <atomic>

#include "server/auth/identities.h"
#include "server/loop/outside.h"
#include "server/loop/wake_hub.h"
#include "server/rpc/session_registry.h"

namespace muster::server {

class ServerOutside final : public Outside {
 public:
  // All must outlive the core loop.
  ServerOutside(SessionRegistry& sessions, IdentitiesHolder& identities, WakeHub& hub)
      : sessions_(sessions), identities_(identities), hub_(hub) {}

  void OnDurable(const std::vector<JobId>& changed_jobs, std::uint64_t last_sequence) override;
  void Perform(const scheduler::Effect& effect, const Core& core) override;

  // Sequence number of the last durable event. Any thread.
  std::atomic<std::uint64_t>& live_sequence() { return live_sequence_; }

 private:
  SessionRegistry& sessions_;
  IdentitiesHolder& identities_;
  WakeHub& hub_;
  std::atomic<std::uint64_t> live_sequence_ = 0;
};

}  // namespace muster::server
