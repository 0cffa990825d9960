#include "tests/sim/describe.h"

#include "scheduler/lifecycle/transitions.h"

namespace muster::sim {

using namespace scheduler;  // NOLINT: twenty-five kinds of event

namespace {

std::string Number(std::uint64_t number) { return std::to_string(number); }

std::string Describe(const RankState& rank) {
  std::string text = "rank " + Number(rank.rank);
  if (rank.exit_code) text += " exit " + std::to_string(*rank.exit_code);
  if (rank.signal) text += " signal " + std::to_string(*rank.signal);
  if (rank.ended) text += " at " + std::to_string(ToMicros(*rank.ended));
  return text;
}

std::string Describe(const std::optional<Cause>& cause) {
  return cause ? " (" + sim::Describe(*cause) + ")" : "";
}

std::string Describe(const PoolCreated& pool) {
  return pool.name.str() + " slots " + Number(pool.slots_per_node) + " nodes " +
         Number(pool.min_nodes) + ".." + Number(pool.max_nodes) + " sharing " +
         Number(static_cast<std::uint64_t>(pool.sharing));
}

struct BodyText {
  std::string operator()(const ServerStarted& e) { return "ServerStarted " + Number(e.epoch); }
  std::string operator()(const LeasesExtended& e) {
    return "LeasesExtended " + std::to_string(ToMicros(e.until));
  }
  std::string operator()(const RequestAnswered& e) {
    return "RequestAnswered " + e.key + " " + e.entity;
  }
  std::string operator()(const WorkspaceCreated& e) { return "WorkspaceCreated " + e.name.str(); }
  std::string operator()(const TokenCreated& e) { return "TokenCreated " + e.id.str(); }
  std::string operator()(const TokenRevoked& e) { return "TokenRevoked " + e.id.str(); }
  std::string operator()(const TokenForgotten& e) { return "TokenForgotten " + e.id.str(); }
  std::string operator()(const PoolCreated& e) { return "PoolCreated " + Describe(e); }
  std::string operator()(const PoolUpdated& e) { return "PoolUpdated " + Describe(e.definition); }
  std::string operator()(const PoolDeleted& e) { return "PoolDeleted " + e.name.str(); }
  std::string operator()(const DatastoreRegistered& e) {
    return "DatastoreRegistered " + e.name.str() + " " + e.local_path;
  }
  std::string operator()(const NodeJoined& e) {
    return "NodeJoined " + e.id.str() + " boot " + e.facts.boot_id;
  }
  std::string operator()(const NodeCertificateRenewed& e) {
    return "NodeCertificateRenewed " + e.id.str();
  }
  std::string operator()(const NodeFactsChanged& e) {
    return "NodeFactsChanged " + e.id.str() + " boot " + e.facts.boot_id;
  }
  std::string operator()(const NodeCordoned& e) {
    return "NodeCordoned " + e.id.str() + (e.cordoned ? " yes" : " no") +
           (e.draining ? " draining" : "");
  }
  std::string operator()(const NodeLost& e) {
    return "NodeLost " + e.id.str() + " (" + sim::Describe(e.cause) + ")";
  }
  std::string operator()(const NodeReturned& e) { return "NodeReturned " + e.id.str(); }
  std::string operator()(const NodeRemoved& e) { return "NodeRemoved " + e.id.str(); }
  std::string operator()(const JobSubmitted& e) {
    return "JobSubmitted " + e.id.str() + " #" + Number(e.sequence) + " " + e.given_spec +
           " pool " + e.requirements.pool.str() + " " + Number(e.requirements.node_count) + "x" +
           Number(e.requirements.processes_per_node) + " retries " +
           Number(e.requirements.node_loss_retries);
  }
  std::string operator()(const JobStatusChanged& e) {
    return "JobStatusChanged " + e.job.str() + " " + std::string(StatusName(e.status)) +
           Describe(e.cause);
  }
  std::string operator()(const AttemptCreated& e) {
    std::string text = "AttemptCreated " + ToString(e.id) + " on";
    for (const NodeId& node : e.nodes) text += " " + node.str();
    return text + " port " + Number(e.master_port);
  }
  std::string operator()(const AttemptPhaseChanged& e) {
    const bool stops = e.phase == AttemptPhase::kStopping;
    return "AttemptPhaseChanged " + ToString(e.id) + " " + std::string(PhaseName(e.phase)) +
           (stops ? (e.stop == StopMode::kKill ? " by kill" : " by terminate") : "") +
           Describe(e.cause);
  }
  std::string operator()(const AttemptNodePhaseChanged& e) {
    return "AttemptNodePhaseChanged " + ToString(e.id) + " " + e.node.str() + " " +
           std::string(PhaseName(e.phase));
  }
  std::string operator()(const RankStarted& e) {
    return "RankStarted " + ToString(e.id) + " " + e.node.str() + " rank " + Number(e.rank);
  }
  std::string operator()(const RankEnded& e) {
    return "RankEnded " + ToString(e.id) + " " + e.node.str() + " " + Describe(e.state);
  }
  std::string operator()(const AttemptLogTailNoted& e) {
    return "AttemptLogTailNoted " + ToString(e.id) + " " + e.text;
  }
  std::string operator()(const AttemptCauseChanged& e) {
    return "AttemptCauseChanged " + ToString(e.id) + Describe(std::optional(e.cause));
  }
};

}  // namespace

std::string Describe(const Cause& cause) {
  std::string text = "cause " + Number(static_cast<std::uint64_t>(cause.code));
  if (cause.rank) text += " rank " + Number(*cause.rank);
  if (!cause.node.empty()) text += " node " + cause.node.str();
  if (cause.exit_code) text += " exit " + std::to_string(*cause.exit_code);
  if (cause.signal) text += " signal " + std::to_string(*cause.signal);
  return text + ": " + cause.message;
}

std::string Describe(const Event& event) {
  return Number(event.sequence) + " " + std::visit(BodyText{}, event.body);
}

}  // namespace muster::sim
