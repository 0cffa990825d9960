#include "storage/codec/values.h"

#include <algorithm>

namespace muster::storage {

Error Corrupt(std::string_view what) {
  return Error{ErrorCode::kDataLoss, ErrorReason::kCorruptState,
               "the state database holds a record that can't be read: " + std::string(what)};
}

Status DecodeDigest(std::string_view bytes, Digest& digest) {
  if (bytes.size() != Digest::kBytes) return Fail(Corrupt("a digest has not 32 bytes"));
  std::array<std::uint8_t, Digest::kBytes> copy{};
  std::transform(bytes.begin(), bytes.end(), copy.begin(),
                 [](char c) { return static_cast<std::uint8_t>(c); });
  digest = Digest(copy);
  return {};
}

void Encode(const scheduler::Cause& cause, stored::v1::Cause& out) {
  out.set_code(Number(cause.code));
  out.set_message(cause.message);
  if (cause.rank) out.set_rank(*cause.rank);
  out.set_node(cause.node.str());
  if (cause.exit_code) out.set_exit_code(*cause.exit_code);
  if (cause.signal) out.set_signal(*cause.signal);
}

Status Decode(const stored::v1::Cause& in, scheduler::Cause& cause) {
  MUSTER_TRY(DecodeEnum(in.code(), cause.code));
  cause.message = in.message();
  if (in.has_rank()) cause.rank = in.rank();
  cause.node = NodeId(in.node());
  if (in.has_exit_code()) cause.exit_code = in.exit_code();
  if (in.has_signal()) cause.signal = in.signal();
  return {};
}

Status DecodeOptional(const stored::v1::Cause* in, std::optional<scheduler::Cause>& cause) {
  cause.reset();
  if (in == nullptr) return {};
  return Decode(*in, cause.emplace());
}

void Encode(const scheduler::RankState& state, stored::v1::RankState& out) {
  out.set_rank(state.rank);
  out.set_started_us(ToMicros(state.started));
  if (state.ended) out.set_ended_us(ToMicros(*state.ended));
  if (state.exit_code) out.set_exit_code(*state.exit_code);
  if (state.signal) out.set_signal(*state.signal);
}

scheduler::RankState Decode(const stored::v1::RankState& in) {
  scheduler::RankState state;
  state.rank = in.rank();
  state.started = FromMicros(in.started_us());
  if (in.has_ended_us()) state.ended = FromMicros(in.ended_us());
  if (in.has_exit_code()) state.exit_code = in.exit_code();
  if (in.has_signal()) state.signal = in.signal();
  return state;
}

void Encode(const scheduler::NodeFacts& facts, stored::v1::NodeFacts& out) {
  out.set_host_name(facts.host_name);
  out.set_address(facts.address);
  out.set_slots(facts.slots);
  out.set_boot_id(facts.boot_id);
  out.set_agent_version(facts.agent_version);
}

scheduler::NodeFacts Decode(const stored::v1::NodeFacts& in) {
  return {.host_name = in.host_name(),
          .address = in.address(),
          .slots = in.slots(),
          .boot_id = in.boot_id(),
          .agent_version = in.agent_version()};
}

void Encode(const scheduler::JobRequirements& requirements, stored::v1::Requirements& out) {
  out.set_pool(requirements.pool.str());
  out.set_node_count(requirements.node_count);
  out.set_processes_per_node(requirements.processes_per_node);
  out.set_communicator(Number(requirements.communicator));
  out.set_priority(requirements.priority);
  out.set_node_loss_retries(requirements.node_loss_retries);
  out.set_lease_us(requirements.lease.count());
  out.set_grace_period_us(requirements.grace_period.count());
  out.set_max_run_duration_us(requirements.max_run_duration.count());
}

Status Decode(const stored::v1::Requirements& in, scheduler::JobRequirements& requirements) {
  MUSTER_TRY(DecodeEnum(in.communicator(), requirements.communicator));
  requirements.pool = PoolName(in.pool());
  requirements.node_count = in.node_count();
  requirements.processes_per_node = in.processes_per_node();
  requirements.priority = in.priority();
  requirements.node_loss_retries = in.node_loss_retries();
  requirements.lease = Duration(in.lease_us());
  requirements.grace_period = Duration(in.grace_period_us());
  requirements.max_run_duration = Duration(in.max_run_duration_us());
  return {};
}

void Encode(const scheduler::PoolCreated& definition, stored::v1::PoolDefinition& out) {
  out.set_workspace(definition.workspace.str());
  out.set_name(definition.name.str());
  out.set_slots_per_node(definition.slots_per_node);
  out.set_min_nodes(definition.min_nodes);
  out.set_max_nodes(definition.max_nodes);
  out.set_sharing(Number(definition.sharing));
}

Status Decode(const stored::v1::PoolDefinition& in, scheduler::PoolCreated& definition) {
  MUSTER_TRY(DecodeEnum(in.sharing(), definition.sharing));
  definition.workspace = WorkspaceName(in.workspace());
  definition.name = PoolName(in.name());
  definition.slots_per_node = in.slots_per_node();
  definition.min_nodes = in.min_nodes();
  definition.max_nodes = in.max_nodes();
  return {};
}

}  // namespace muster::storage
