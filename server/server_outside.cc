#include "server/server_outside.h"

#include "server/rpc/rpc_parts.h"

namespace muster::server {

void ServerOutside::OnDurable(const std::vector<JobId>& changed_jobs, std::uint64_t last_sequence) {
  live_sequence_.store(last_sequence);
  if (changed_jobs.empty() || hub_.empty()) return;
  for (const JobId& job : changed_jobs) hub_.Wake(JobKey(job));
  hub_.Wake(kAnyJobKey);
}

void ServerOutside::Perform(const scheduler::Effect& effect, const Core& core) {
  if (sessions_.Route(effect)) return;
  identities_.Publish(MakeIdentities(core.state()));
}

}  // namespace muster::server
