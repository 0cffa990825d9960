#include <limits>

#include "storage/codec/codec.h"
#include "storage/codec/values.h"

namespace muster::storage {
namespace {

template <class Message>
Status Parse(std::string_view bytes, std::string_view name, Message& message) {
  if (bytes.size() > std::numeric_limits<int>::max() ||
      !message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return Fail(Corrupt("a row of " + std::string(name) + " is not what was written"));
  }
  return {};
}

}  // namespace

std::string EncodeJob(const scheduler::Job& job) {
  stored::v1::Job out;
  out.set_id(job.id.str());
  out.set_workspace(job.workspace.str());
  out.set_experiment(job.experiment);
  out.set_user(job.user.str());
  out.set_sequence(job.sequence);
  Encode(job.requirements, *out.mutable_requirements());
  out.set_status(Number(job.status));
  out.set_status_before_silence(Number(job.status_before_silence));
  EncodeCause(job.cause, out);
  out.set_attempt_count(job.attempt_count);
  out.set_node_losses(job.node_losses);
  out.set_submitted_us(ToMicros(job.submitted));
  if (job.started) out.set_started_us(ToMicros(*job.started));
  if (job.ended) out.set_ended_us(ToMicros(*job.ended));
  return out.SerializeAsString();
}

Result<scheduler::Job> DecodeJob(std::string_view bytes) {
  stored::v1::Job in;
  MUSTER_TRY(Parse(bytes, "jobs", in));
  scheduler::Job job;
  job.id = JobId(std::move(*in.mutable_id()));
  job.workspace = WorkspaceName(std::move(*in.mutable_workspace()));
  job.experiment = std::move(*in.mutable_experiment());
  job.user = UserName(std::move(*in.mutable_user()));
  job.sequence = in.sequence();
  MUSTER_TRY(Decode(in.requirements(), job.requirements));
  MUSTER_TRY(DecodeEnum(in.status(), job.status));
  MUSTER_TRY(DecodeEnum(in.status_before_silence(), job.status_before_silence));
  std::optional<scheduler::Cause> cause;
  MUSTER_TRY(DecodeCause(in, cause));
  job.cause = std::move(cause);
  job.attempt_count = in.attempt_count();
  job.node_losses = in.node_losses();
  job.submitted = FromMicros(in.submitted_us());
  if (in.has_started_us()) job.started = FromMicros(in.started_us());
  if (in.has_ended_us()) job.ended = FromMicros(in.ended_us());
  return job;
}

std::string EncodeAttempt(const scheduler::Attempt& attempt) {
  stored::v1::Attempt out;
  out.set_job(attempt.id.job.str());
  out.set_number(attempt.id.number);
  out.set_phase(Number(attempt.phase));
  out.set_stop(Number(attempt.stop));
  for (const scheduler::AttemptNode& node : attempt.nodes) {
    auto& added = *out.add_nodes();
    added.set_node(node.node.str());
    added.set_phase(Number(node.phase));
  }
  for (const auto& [rank, state] : attempt.ranks) Encode(state, *out.add_ranks());
  for (const auto& [rank, node] : attempt.rank_nodes) {
    auto& added = *out.add_rank_nodes();
    added.set_rank(rank);
    added.set_node(node.str());
  }
  out.set_master_port(attempt.master_port);
  EncodeCause(attempt.cause, out);
  out.set_log_tail(attempt.log_tail);
  out.set_created_us(ToMicros(attempt.created));
  if (attempt.running) out.set_running_us(ToMicros(*attempt.running));
  if (attempt.stopping) out.set_stopping_us(ToMicros(*attempt.stopping));
  if (attempt.ended) out.set_ended_us(ToMicros(*attempt.ended));
  return out.SerializeAsString();
}

Result<scheduler::Attempt> DecodeAttempt(std::string_view bytes) {
  stored::v1::Attempt in;
  MUSTER_TRY(Parse(bytes, "attempts", in));
  scheduler::Attempt attempt;
  attempt.id = AttemptId{JobId(in.job()), in.number()};
  MUSTER_TRY(DecodeEnum(in.phase(), attempt.phase));
  MUSTER_TRY(DecodeEnum(in.stop(), attempt.stop));
  for (const auto& node : in.nodes()) {
    scheduler::AttemptNode& added = attempt.nodes.emplace_back();
    added.node = NodeId(node.node());
    MUSTER_TRY(DecodeEnum(node.phase(), added.phase));
  }
  for (const auto& rank : in.ranks()) attempt.ranks[rank.rank()] = Decode(rank);
  for (const auto& rank : in.rank_nodes()) attempt.rank_nodes[rank.rank()] = NodeId(rank.node());
  attempt.master_port = in.master_port();
  MUSTER_TRY(DecodeCause(in, attempt.cause));
  attempt.log_tail = in.log_tail();
  attempt.created = FromMicros(in.created_us());
  if (in.has_running_us()) attempt.running = FromMicros(in.running_us());
  if (in.has_stopping_us()) attempt.stopping = FromMicros(in.stopping_us());
  if (in.has_ended_us()) attempt.ended = FromMicros(in.ended_us());
  return attempt;
}

std::string EncodeNode(const scheduler::Node& node) {
  stored::v1::Node out;
  out.set_id(node.id.str());
  out.set_workspace(node.pool.workspace.str());
  out.set_pool(node.pool.name.str());
  Encode(node.facts, *out.mutable_facts());
  out.set_certificate_fingerprint(DigestBytes(node.certificate_fingerprint));
  out.set_cordoned(node.cordoned);
  out.set_draining(node.draining);
  out.set_lost(node.lost);
  return out.SerializeAsString();
}

Result<scheduler::Node> DecodeNode(std::string_view bytes) {
  stored::v1::Node in;
  MUSTER_TRY(Parse(bytes, "nodes", in));
  scheduler::Node node;
  node.id = NodeId(in.id());
  node.pool = {WorkspaceName(in.workspace()), PoolName(in.pool())};
  node.facts = Decode(in.facts());
  MUSTER_TRY(DecodeDigest(in.certificate_fingerprint(), node.certificate_fingerprint));
  node.cordoned = in.cordoned();
  node.draining = in.draining();
  node.lost = in.lost();
  return node;
}

std::string EncodePool(const scheduler::Pool& pool) {
  stored::v1::Pool out;
  Encode(scheduler::PoolCreated{.workspace = pool.key.workspace,
                                .name = pool.key.name,
                                .slots_per_node = pool.slots_per_node,
                                .min_nodes = pool.min_nodes,
                                .max_nodes = pool.max_nodes,
                                .sharing = pool.sharing},
         *out.mutable_definition());
  return out.SerializeAsString();
}

Result<scheduler::Pool> DecodePool(std::string_view bytes) {
  stored::v1::Pool in;
  MUSTER_TRY(Parse(bytes, "pools", in));
  scheduler::PoolCreated definition;
  MUSTER_TRY(Decode(in.definition(), definition));
  scheduler::Pool pool;
  pool.key = {definition.workspace, definition.name};
  pool.slots_per_node = definition.slots_per_node;
  pool.min_nodes = definition.min_nodes;
  pool.max_nodes = definition.max_nodes;
  pool.sharing = definition.sharing;
  return pool;
}

std::string EncodeDatastore(const scheduler::Datastore& datastore) {
  stored::v1::Datastore out;
  out.set_workspace(datastore.key.workspace.str());
  out.set_name(datastore.key.name.str());
  out.set_local_path(datastore.local_path);
  return out.SerializeAsString();
}

Result<scheduler::Datastore> DecodeDatastore(std::string_view bytes) {
  stored::v1::Datastore in;
  MUSTER_TRY(Parse(bytes, "datastores", in));
  return scheduler::Datastore{{WorkspaceName(in.workspace()), DatastoreName(in.name())},
                              in.local_path()};
}

std::string EncodeToken(const scheduler::Token& token) {
  stored::v1::Token out;
  out.set_id(token.id.str());
  out.set_workspace(token.workspace.str());
  out.set_user(token.user.str());
  out.set_role(Number(token.role));
  out.set_secret_hash(DigestBytes(token.secret_hash));
  out.set_pool(token.pool.str());
  out.set_created_us(ToMicros(token.created));
  out.set_expires_us(ToMicros(token.expires));
  out.set_revoked(token.revoked);
  return out.SerializeAsString();
}

Result<scheduler::Token> DecodeToken(std::string_view bytes) {
  stored::v1::Token in;
  MUSTER_TRY(Parse(bytes, "tokens", in));
  scheduler::Token token;
  token.id = TokenId(in.id());
  token.workspace = WorkspaceName(in.workspace());
  token.user = UserName(in.user());
  MUSTER_TRY(DecodeEnum(in.role(), token.role));
  MUSTER_TRY(DecodeDigest(in.secret_hash(), token.secret_hash));
  token.pool = PoolName(in.pool());
  token.created = FromMicros(in.created_us());
  token.expires = FromMicros(in.expires_us());
  token.revoked = in.revoked();
  return token;
}

}  // namespace muster::storage
