#include "server/core/core.h"

#include <utility>

#include "server/core/core_impl.h"

namespace muster::server {

Core::Impl::Impl(const CoreConfig& core_config, scheduler::State loaded, Random& random)
    : config(core_config),
      silence{core_config.not_responding_after, core_config.lost_after, core_config.default_lease,
              core_config.lease_margin},
      deadline_config{core_config.prepare_timeout},
      state(std::move(loaded)),
      levels(silence, relay),
      ports(core_config.master_port_first, core_config.master_port_count, random) {}

scheduler::Surroundings Core::Impl::SurroundingsOf(const scheduler::Principal& principal) const {
  scheduler::Surroundings surroundings;
  surroundings.principal = principal;
  surroundings.shutting_down = shutting_down;
  surroundings.disk_low = disk_low;
  surroundings.free_disk_bytes = free_disk_bytes;
  surroundings.disk_reserve_bytes = disk_reserve_bytes;
  surroundings.max_waiting_jobs = config.max_waiting_jobs;
  return surroundings;
}

Core::Core(const CoreConfig& config, scheduler::State state, Random& random)
    : impl_(std::make_unique<Impl>(config, std::move(state), random)) {}

Core::~Core() = default;

StepOutput Core::Start(Now now) {
  Step step(impl_->state, now, UserName());
  impl_->Start(step);
  return impl_->Finish(step);
}

StepOutput Core::Handle(RequestNumber request, const scheduler::Command& command, Now now) {
  Step step(impl_->state, now, command.principal.user);
  Result<ReplyValue> value = impl_->Execute(step, command);
  StepOutput output = impl_->Finish(step);
  if (request != 0) output.replies.push_back(Reply{request, std::move(value)});
  return output;
}

StepOutput Core::OnTimer(Now now) {
  Step step(impl_->state, now, UserName());
  impl_->RunTimers(step);
  return impl_->Finish(step);
}

std::optional<SteadyPoint> Core::NextTimer() const { return impl_->NextTimer(); }

const scheduler::State& Core::state() const { return impl_->state; }

Core::NodeSoftState Core::Soft(const NodeId& node) const {
  NodeSoftState soft;
  const NodeSession* session = impl_->sessions.Find(node);
  if (session == nullptr) return soft;
  soft.connected = session->open != 0;
  soft.last_heard = session->last_heard_wall;
  soft.free_disk_bytes = session->free_disk_bytes;
  soft.disk_low = session->disk_low;
  soft.responding = session->responding;
  return soft;
}

bool Core::disk_low() const { return impl_->disk_low; }

}  // namespace muster::server
