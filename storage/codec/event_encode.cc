#include <type_traits>
#include <variant>

#include "storage/codec/codec.h"
#include "storage/codec/values.h"

namespace muster::storage {
namespace {

using namespace scheduler;  // NOLINT(google-build-using-namespace): two dozen names of events
using StoredEvent = stored::v1::Event;

template <class Message>
void SetAttempt(const AttemptId& id, Message& out) {
  out.set_job(id.job.str());
  out.set_number(id.number);
}

void Put(const ServerStarted& e, StoredEvent& out) {
  out.mutable_server_started()->set_epoch(e.epoch);
}
void Put(const LeasesExtended& e, StoredEvent& out) {
  out.mutable_leases_extended()->set_until_us(ToMicros(e.until));
}
void Put(const RequestAnswered& e, StoredEvent& out) {
  auto& body = *out.mutable_request_answered();
  body.set_workspace(e.workspace.str());
  body.set_key(e.key);
  body.set_request_digest(DigestBytes(e.request_digest));
  body.set_entity(e.entity);
}
void Put(const WorkspaceCreated& e, StoredEvent& out) {
  out.mutable_workspace_created()->set_name(e.name.str());
}
void Put(const TokenCreated& e, StoredEvent& out) {
  auto& body = *out.mutable_token_created();
  body.set_id(e.id.str());
  body.set_workspace(e.workspace.str());
  body.set_user(e.user.str());
  body.set_role(Number(e.role));
  body.set_secret_hash(DigestBytes(e.secret_hash));
  body.set_pool(e.pool.str());
  body.set_expires_us(ToMicros(e.expires));
}
void Put(const TokenRevoked& e, StoredEvent& out) {
  out.mutable_token_revoked()->set_id(e.id.str());
}
void Put(const PoolCreated& e, StoredEvent& out) { Encode(e, *out.mutable_pool_created()); }
void Put(const PoolUpdated& e, StoredEvent& out) {
  Encode(e.definition, *out.mutable_pool_updated());
}
void Put(const TokenForgotten& e, StoredEvent& out) {
  out.mutable_token_forgotten()->set_id(e.id.str());
}
void Put(const PoolDeleted& e, StoredEvent& out) {
  auto& body = *out.mutable_pool_deleted();
  body.set_workspace(e.workspace.str());
  body.set_name(e.name.str());
}
void Put(const DatastoreRegistered& e, StoredEvent& out) {
  auto& body = *out.mutable_datastore_registered();
  body.set_workspace(e.workspace.str());
  body.set_name(e.name.str());
  body.set_local_path(e.local_path);
}
void Put(const NodeJoined& e, StoredEvent& out) {
  auto& body = *out.mutable_node_joined();
  body.set_id(e.id.str());
  body.set_workspace(e.workspace.str());
  body.set_pool(e.pool.str());
  Encode(e.facts, *body.mutable_facts());
  body.set_certificate_fingerprint(DigestBytes(e.certificate_fingerprint));
}
void Put(const NodeCertificateRenewed& e, StoredEvent& out) {
  auto& body = *out.mutable_node_certificate_renewed();
  body.set_id(e.id.str());
  body.set_certificate_fingerprint(DigestBytes(e.certificate_fingerprint));
}
void Put(const NodeFactsChanged& e, StoredEvent& out) {
  auto& body = *out.mutable_node_facts_changed();
  body.set_id(e.id.str());
  Encode(e.facts, *body.mutable_facts());
}
void Put(const NodeCordoned& e, StoredEvent& out) {
  auto& body = *out.mutable_node_cordoned();
  body.set_id(e.id.str());
  body.set_cordoned(e.cordoned);
  body.set_draining(e.draining);
}
void Put(const NodeLost& e, StoredEvent& out) {
  auto& body = *out.mutable_node_lost();
  body.set_id(e.id.str());
  Encode(e.cause, *body.mutable_cause());
}
void Put(const NodeReturned& e, StoredEvent& out) {
  out.mutable_node_returned()->set_id(e.id.str());
}
void Put(const NodeRemoved& e, StoredEvent& out) { out.mutable_node_removed()->set_id(e.id.str()); }
void Put(const JobSubmitted& e, StoredEvent& out) {
  auto& body = *out.mutable_job_submitted();
  body.set_id(e.id.str());
  body.set_workspace(e.workspace.str());
  body.set_experiment(e.experiment);
  body.set_user(e.user.str());
  body.set_sequence(e.sequence);
  Encode(e.requirements, *body.mutable_requirements());
}
void Put(const JobStatusChanged& e, StoredEvent& out) {
  auto& body = *out.mutable_job_status_changed();
  body.set_job(e.job.str());
  body.set_status(Number(e.status));
  EncodeCause(e.cause, body);
}
void Put(const AttemptCreated& e, StoredEvent& out) {
  auto& body = *out.mutable_attempt_created();
  SetAttempt(e.id, body);
  for (const NodeId& node : e.nodes) body.add_nodes(node.str());
  body.set_master_port(e.master_port);
}
void Put(const AttemptPhaseChanged& e, StoredEvent& out) {
  auto& body = *out.mutable_attempt_phase_changed();
  SetAttempt(e.id, body);
  body.set_phase(Number(e.phase));
  body.set_stop(Number(e.stop));
  EncodeCause(e.cause, body);
}
void Put(const AttemptNodePhaseChanged& e, StoredEvent& out) {
  auto& body = *out.mutable_attempt_node_phase_changed();
  SetAttempt(e.id, body);
  body.set_node(e.node.str());
  body.set_phase(Number(e.phase));
}
void Put(const RankStarted& e, StoredEvent& out) {
  auto& body = *out.mutable_rank_started();
  SetAttempt(e.id, body);
  body.set_node(e.node.str());
  body.set_rank(e.rank);
  body.set_started_us(ToMicros(e.started));
}
void Put(const RankEnded& e, StoredEvent& out) {
  auto& body = *out.mutable_rank_ended();
  SetAttempt(e.id, body);
  body.set_node(e.node.str());
  Encode(e.state, *body.mutable_state());
}
void Put(const AttemptLogTailNoted& e, StoredEvent& out) {
  auto& body = *out.mutable_attempt_log_tail_noted();
  SetAttempt(e.id, body);
  body.set_text(e.text);
}
void Put(const AttemptCauseChanged& e, StoredEvent& out) {
  auto& body = *out.mutable_attempt_cause_changed();
  SetAttempt(e.id, body);
  EncodeCause(std::optional(e.cause), body);
}

static_assert(StoredEvent::kRequestAnswered == kKindRequestAnswered &&
              StoredEvent::kJobSubmitted == kKindJobSubmitted &&
              StoredEvent::kJobStatusChanged == kKindJobStatusChanged);

struct KindOf {
  using E = StoredEvent;
  std::uint32_t operator()(const ServerStarted&) const { return E::kServerStarted; }
  std::uint32_t operator()(const LeasesExtended&) const { return E::kLeasesExtended; }
  std::uint32_t operator()(const RequestAnswered&) const { return E::kRequestAnswered; }
  std::uint32_t operator()(const WorkspaceCreated&) const { return E::kWorkspaceCreated; }
  std::uint32_t operator()(const TokenCreated&) const { return E::kTokenCreated; }
  std::uint32_t operator()(const TokenRevoked&) const { return E::kTokenRevoked; }
  std::uint32_t operator()(const TokenForgotten&) const { return E::kTokenForgotten; }
  std::uint32_t operator()(const PoolCreated&) const { return E::kPoolCreated; }
  std::uint32_t operator()(const PoolUpdated&) const { return E::kPoolUpdated; }
  std::uint32_t operator()(const PoolDeleted&) const { return E::kPoolDeleted; }
  std::uint32_t operator()(const DatastoreRegistered&) const { return E::kDatastoreRegistered; }
  std::uint32_t operator()(const NodeJoined&) const { return E::kNodeJoined; }
  std::uint32_t operator()(const NodeCertificateRenewed&) const {
    return E::kNodeCertificateRenewed;
  }
  std::uint32_t operator()(const NodeFactsChanged&) const { return E::kNodeFactsChanged; }
  std::uint32_t operator()(const NodeCordoned&) const { return E::kNodeCordoned; }
  std::uint32_t operator()(const NodeLost&) const { return E::kNodeLost; }
  std::uint32_t operator()(const NodeReturned&) const { return E::kNodeReturned; }
  std::uint32_t operator()(const NodeRemoved&) const { return E::kNodeRemoved; }
  std::uint32_t operator()(const JobSubmitted&) const { return E::kJobSubmitted; }
  std::uint32_t operator()(const JobStatusChanged&) const { return E::kJobStatusChanged; }
  std::uint32_t operator()(const AttemptCreated&) const { return E::kAttemptCreated; }
  std::uint32_t operator()(const AttemptPhaseChanged&) const { return E::kAttemptPhaseChanged; }
  std::uint32_t operator()(const AttemptNodePhaseChanged&) const {
    return E::kAttemptNodePhaseChanged;
  }
  std::uint32_t operator()(const RankStarted&) const { return E::kRankStarted; }
  std::uint32_t operator()(const RankEnded&) const { return E::kRankEnded; }
  std::uint32_t operator()(const AttemptLogTailNoted&) const { return E::kAttemptLogTailNoted; }
  std::uint32_t operator()(const AttemptCauseChanged&) const { return E::kAttemptCauseChanged; }
};

}  // namespace

std::uint32_t EventKind(const EventBody& body) { return std::visit(KindOf{}, body); }

const JobId* JobOf(const EventBody& body) {
  return std::visit(
      [](const auto& e) -> const JobId* {
        using E = std::decay_t<decltype(e)>;
        if constexpr (std::is_same_v<E, JobSubmitted>) {
          return &e.id;
        } else if constexpr (requires { e.job; }) {
          return &e.job;
        } else if constexpr (requires { e.id.job; }) {
          return &e.id.job;
        } else {
          return nullptr;
        }
      },
      body);
}

std::string EncodeEvent(const Event& event) {
  StoredEvent out;
  out.set_actor(event.actor.str());
  std::visit([&out](const auto& body) { Put(body, out); }, event.body);
  return out.SerializeAsString();
}

}  // namespace muster::storage
