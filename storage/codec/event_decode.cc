#include <limits>

#include "storage/codec/codec.h"
#include "storage/codec/values.h"

namespace muster::storage {
namespace {

using namespace scheduler;  // NOLINT(google-build-using-namespace): two dozen names of events
using StoredEvent = stored::v1::Event;
using Decoded = Result<EventBody>;

template <class Message>
AttemptId Attempt(const Message& in) {
  return AttemptId{JobId(in.job()), in.number()};
}

Decoded Get(const stored::v1::RequestAnswered& in) {
  RequestAnswered e{WorkspaceName(in.workspace()), in.key(), {}, in.entity()};
  MUSTER_TRY(DecodeDigest(in.request_digest(), e.request_digest));
  return e;
}
Decoded Get(const stored::v1::TokenCreated& in) {
  TokenCreated e;
  e.id = TokenId(in.id());
  e.workspace = WorkspaceName(in.workspace());
  e.user = UserName(in.user());
  MUSTER_TRY(DecodeEnum(in.role(), e.role));
  MUSTER_TRY(DecodeDigest(in.secret_hash(), e.secret_hash));
  e.pool = PoolName(in.pool());
  e.expires = FromMicros(in.expires_us());
  return e;
}
Decoded Get(const stored::v1::NodeJoined& in) {
  NodeJoined e{
      NodeId(in.id()), WorkspaceName(in.workspace()), PoolName(in.pool()), Decode(in.facts()), {}};
  MUSTER_TRY(DecodeDigest(in.certificate_fingerprint(), e.certificate_fingerprint));
  return e;
}
Decoded Get(const stored::v1::NodeCertificateRenewed& in) {
  NodeCertificateRenewed e{NodeId(in.id()), {}};
  MUSTER_TRY(DecodeDigest(in.certificate_fingerprint(), e.certificate_fingerprint));
  return e;
}
Decoded Get(const stored::v1::NodeLost& in) {
  NodeLost e{NodeId(in.id()), {}};
  MUSTER_TRY(Decode(in.cause(), e.cause));
  return e;
}
Decoded Get(const stored::v1::JobSubmitted& in) {
  JobSubmitted e;
  e.id = JobId(in.id());
  e.workspace = WorkspaceName(in.workspace());
  e.experiment = in.experiment();
  e.user = UserName(in.user());
  e.sequence = in.sequence();
  MUSTER_TRY(Decode(in.requirements(), e.requirements));
  return e;
}
Decoded Get(const stored::v1::JobStatusChanged& in) {
  JobStatusChanged e;
  e.job = JobId(in.job());
  MUSTER_TRY(DecodeEnum(in.status(), e.status));
  MUSTER_TRY(DecodeCause(in, e.cause));
  return e;
}
Decoded Get(const stored::v1::AttemptCreated& in) {
  AttemptCreated e{Attempt(in), {}, in.master_port()};
  for (const std::string& node : in.nodes()) e.nodes.emplace_back(node);
  return e;
}
Decoded Get(const stored::v1::AttemptPhaseChanged& in) {
  AttemptPhaseChanged e;
  e.id = Attempt(in);
  MUSTER_TRY(DecodeEnum(in.phase(), e.phase));
  MUSTER_TRY(DecodeEnum(in.stop(), e.stop));
  MUSTER_TRY(DecodeCause(in, e.cause));
  return e;
}
Decoded Get(const stored::v1::AttemptCauseChanged& in) {
  std::optional<Cause> cause;
  MUSTER_TRY(DecodeCause(in, cause));
  return AttemptCauseChanged{Attempt(in), std::move(cause).value_or(Cause())};
}
Decoded Get(const stored::v1::AttemptNodePhaseChanged& in) {
  AttemptNodePhaseChanged e{Attempt(in), NodeId(in.node()), {}};
  MUSTER_TRY(DecodeEnum(in.phase(), e.phase));
  return e;
}

// NOLINTNEXTLINE(readability-function-size): a table, one entry a kind
Decoded DecodeBody(const StoredEvent& in) {
  switch (in.body_case()) {
    case StoredEvent::kServerStarted:
      return ServerStarted{in.server_started().epoch()};
    case StoredEvent::kLeasesExtended:
      return LeasesExtended{FromMicros(in.leases_extended().until_us())};
    case StoredEvent::kRequestAnswered:
      return Get(in.request_answered());
    case StoredEvent::kWorkspaceCreated:
      return WorkspaceCreated{WorkspaceName(in.workspace_created().name())};
    case StoredEvent::kTokenCreated:
      return Get(in.token_created());
    case StoredEvent::kTokenRevoked:
      return TokenRevoked{TokenId(in.token_revoked().id())};
    case StoredEvent::kPoolCreated: {
      PoolCreated e;
      MUSTER_TRY(Decode(in.pool_created(), e));
      return e;
    }
    case StoredEvent::kPoolUpdated: {
      PoolUpdated e;
      MUSTER_TRY(Decode(in.pool_updated(), e.definition));
      return e;
    }
    case StoredEvent::kTokenForgotten:
      return TokenForgotten{TokenId(in.token_forgotten().id())};
    case StoredEvent::kPoolDeleted:
      return PoolDeleted{WorkspaceName(in.pool_deleted().workspace()),
                         PoolName(in.pool_deleted().name())};
    case StoredEvent::kDatastoreRegistered:
      return DatastoreRegistered{WorkspaceName(in.datastore_registered().workspace()),
                                 DatastoreName(in.datastore_registered().name()),
                                 in.datastore_registered().local_path()};
    case StoredEvent::kNodeJoined:
      return Get(in.node_joined());
    case StoredEvent::kNodeCertificateRenewed:
      return Get(in.node_certificate_renewed());
    case StoredEvent::kNodeFactsChanged:
      return NodeFactsChanged{NodeId(in.node_facts_changed().id()),
                              Decode(in.node_facts_changed().facts())};
    case StoredEvent::kNodeCordoned:
      return NodeCordoned{NodeId(in.node_cordoned().id()), in.node_cordoned().cordoned(),
                          in.node_cordoned().draining()};
    case StoredEvent::kNodeLost:
      return Get(in.node_lost());
    case StoredEvent::kNodeReturned:
      return NodeReturned{NodeId(in.node_returned().id())};
    case StoredEvent::kNodeRemoved:
      return NodeRemoved{NodeId(in.node_removed().id())};
    case StoredEvent::kJobSubmitted:
      return Get(in.job_submitted());
    case StoredEvent::kJobStatusChanged:
      return Get(in.job_status_changed());
    case StoredEvent::kAttemptCreated:
      return Get(in.attempt_created());
    case StoredEvent::kAttemptPhaseChanged:
      return Get(in.attempt_phase_changed());
    case StoredEvent::kAttemptNodePhaseChanged:
      return Get(in.attempt_node_phase_changed());
    case StoredEvent::kRankStarted: {
      const auto& body = in.rank_started();
      return RankStarted{Attempt(body), NodeId(body.node()), body.rank(),
                         FromMicros(body.started_us())};
    }
    case StoredEvent::kRankEnded: {
      const auto& body = in.rank_ended();
      return RankEnded{Attempt(body), NodeId(body.node()), Decode(body.state())};
    }
    case StoredEvent::kAttemptLogTailNoted: {
      const auto& body = in.attempt_log_tail_noted();
      return AttemptLogTailNoted{Attempt(body), body.text()};
    }
    case StoredEvent::kAttemptCauseChanged:
      return Get(in.attempt_cause_changed());
    case StoredEvent::BODY_NOT_SET:
      break;
  }
  return Fail(Corrupt("an event is of an unknown kind"));
}

}  // namespace

Result<Event> DecodeEvent(std::uint64_t sequence, TimePoint time, std::string_view bytes) {
  StoredEvent in;
  if (bytes.size() > std::numeric_limits<int>::max() ||
      !in.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return Fail(Corrupt("event " + std::to_string(sequence) + " is not what was written"));
  }
  MUSTER_ASSIGN(EventBody body, DecodeBody(in));
  return Event{sequence, time, UserName(std::move(*in.mutable_actor())), std::move(body)};
}

}  // namespace muster::storage
