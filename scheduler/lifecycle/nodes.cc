#include "scheduler/lifecycle/nodes.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "scheduler/lifecycle/attempts.h"
#include "scheduler/lifecycle/outcome.h"
#include "scheduler/model/queries.h"

namespace muster::scheduler {

namespace {

constexpr std::size_t kMaxNodes = 10'000;

Result<const Node*> FindNode(const State& state, const WorkspaceName& workspace, const NodeId& id) {
  const Node* node = Find(state.nodes, id);
  if (node != nullptr && node->pool.workspace == workspace) return node;
  return Fail(ErrorCode::kNotFound, ErrorReason::kUnknownNode,
              "There is no node \"" + id.str() + "\" in workspace \"" + workspace.str() + "\".");
}

std::vector<AttemptId> HeldBy(const State& state, const NodeId& node) {
  std::vector<AttemptId> ids;
  for (const auto& [id, slots] : state.nodes.at(node).held) ids.push_back(id);
  return ids;
}

void LoseAttemptsOn(Decision& decision, const NodeId& node, const Cause& cause) {
  for (const AttemptId& id : HeldBy(decision.state(), node)) {
    LoseOnNode(decision, id, node, cause);
  }
}

void NoteReboot(Decision& decision, const Node& node, const NodeFacts& facts) {
  const std::string& before = node.facts.boot_id;
  if (before.empty() || facts.boot_id.empty() || before == facts.boot_id) return;
  LoseAttemptsOn(
      decision, node.id,
      CauseOf(CauseCode::kNodeLost,
              "Node " + node.id.str() + " was started anew; what ran there is gone.", node.id));
}

// What is held stays covered: fewer slots count once the node has let go.
NodeFacts CoveringHeld(const Node& node, NodeFacts facts) {
  facts.slots = std::max(facts.slots, HeldSlots(node));
  return facts;
}

Status CheckName(const State& state, const EnrollNode& command, const PoolKey& pool) {
  const Node* known = Find(state.nodes, command.node);
  if (known == nullptr || known->pool == pool) return {};
  return Fail(ErrorCode::kAlreadyExists, ErrorReason::kNameTaken,
              "Node id \"" + command.node.str() +
                  "\" is that of a node of another pool; remove that node or choose another id.");
}

// A node more: a join token that got into wrong hands must not fill the state.
Status CheckRoom(const State& state) {
  if (state.nodes.size() < kMaxNodes) return {};
  return Fail(ErrorCode::kResourceExhausted, ErrorReason::kTooMany,
              "The server knows 10,000 nodes, the most it takes; remove those that are gone "
              "(muster node remove).");
}

Status CheckUnused(const Node& node, const State& state) {
  for (const auto& [id, slots] : node.held) {
    const AttemptNode* member = NodeIn(state.attempts.at(id), node.id);
    if (member->phase == NodePhase::kLost) continue;
    return Fail(ErrorCode::kFailedPrecondition, ErrorReason::kInUse,
                "Node \"" + node.id.str() + "\" runs job \"" + id.job.str() +
                    "\"; drain it, or declare it lost if the machine is off.");
  }
  return {};
}

}  // namespace

Result<Answer> Decide(Decision& decision, const EnrollNode& command,
                      const Surroundings& surroundings) {
  const State& state = decision.state();
  const PoolKey pool{surroundings.principal.workspace, command.pool};
  MUSTER_TRY(AcceptsNewWork(surroundings));
  if (!state.pools.contains(pool)) {
    return Fail(ErrorCode::kNotFound, ErrorReason::kUnknownPool,
                "There is no pool \"" + pool.name.str() + "\" to join.");
  }
  MUSTER_TRY(CheckName(state, command, pool));
  NodeFacts facts = command.facts;
  if (const Node* known = Find(state.nodes, command.node)) {
    NoteReboot(decision, *known, facts);
    facts = CoveringHeld(*known, std::move(facts));
  } else {
    MUSTER_TRY(CheckRoom(state));
  }
  decision.Emit(NodeJoined{command.node, pool.workspace, pool.name, std::move(facts),
                           command.certificate_fingerprint});
  return Answer{command.node.str(), {}, false};
}

Result<Answer> Decide(Decision& decision, const RenewNodeCertificate& command,
                      const Surroundings&) {
  if (!decision.state().nodes.contains(command.node)) {
    return Fail(ErrorCode::kNotFound, ErrorReason::kUnknownNode,
                "There is no node \"" + command.node.str() + "\".");
  }
  decision.Emit(NodeCertificateRenewed{command.node, command.certificate_fingerprint});
  return Answer{command.node.str(), {}, false};
}

Result<Answer> Decide(Decision& decision, const CordonNode& command, const Surroundings&) {
  const State& state = decision.state();
  if (auto repeated = Repeated(state, command.workspace, command.idempotency)) {
    return *std::move(repeated);
  }
  MUSTER_ASSIGN(const Node* node, FindNode(state, command.workspace, command.node));
  const bool draining = command.cordoned && command.draining;
  if (node->cordoned != command.cordoned || node->draining != draining) {
    decision.Emit(NodeCordoned{command.node, command.cordoned, draining});
  }
  Remember(decision, command.workspace, command.idempotency, command.node.str());
  return Answer{command.node.str(), {}, false};
}

Result<Answer> Decide(Decision& decision, const DeclareNodeLost& command, const Surroundings&) {
  const State& state = decision.state();
  if (auto repeated = Repeated(state, command.workspace, command.idempotency)) {
    return *std::move(repeated);
  }
  MUSTER_ASSIGN(const Node* node, FindNode(state, command.workspace, command.node));
  if (!node->lost) {
    LoseNode(decision, command.node,
             CauseOf(CauseCode::kNodeLost,
                     "Node " + command.node.str() + " was declared lost by " +
                         decision.actor().str() + ".",
                     command.node));
  }
  Remember(decision, command.workspace, command.idempotency, command.node.str());
  return Answer{command.node.str(), {}, false};
}

Result<Answer> Decide(Decision& decision, const RemoveNode& command, const Surroundings&) {
  const State& state = decision.state();
  if (auto repeated = Repeated(state, command.workspace, command.idempotency)) {
    return *std::move(repeated);
  }
  MUSTER_ASSIGN(const Node* node, FindNode(state, command.workspace, command.node));
  MUSTER_TRY(CheckUnused(*node, state));
  for (const AttemptId& id : HeldBy(state, command.node)) {
    decision.Emit(AttemptNodePhaseChanged{id, command.node, NodePhase::kFinished});
  }
  decision.Emit(NodeRemoved{command.node});
  Remember(decision, command.workspace, command.idempotency, command.node.str());
  return Answer{command.node.str(), {}, false};
}

void NoteArrival(Decision& decision, const NodeId& node_id, const NodeFacts& facts) {
  const Node& node = decision.state().nodes.at(node_id);
  NoteReboot(decision, node, facts);
  if (node.lost) decision.Emit(NodeReturned{node_id});
  NodeFacts covering = CoveringHeld(node, facts);
  if (node.facts != covering) decision.Emit(NodeFactsChanged{node_id, std::move(covering)});
}

void LoseNode(Decision& decision, const NodeId& node, const Cause& cause) {
  decision.Emit(NodeLost{node, cause});
  LoseAttemptsOn(decision, node, cause);
}

}  // namespace muster::scheduler
