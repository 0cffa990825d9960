#include "tests/sim/same.h"

#include <tuple>

namespace muster::sim {

using scheduler::AnsweredRequest;
using scheduler::Attempt;
using scheduler::Datastore;
using scheduler::Job;
using scheduler::Node;
using scheduler::Pool;
using scheduler::State;
using scheduler::Token;

namespace {

bool SameText(const std::shared_ptr<const std::string>& a,
              const std::shared_ptr<const std::string>& b) {
  return a == b || (a && b && *a == *b);
}

bool Whole(const Job& a, const Job& b) { return Same(a, b) && a.request_key == b.request_key; }
bool Whole(const Attempt& a, const Attempt& b) { return Same(a, b); }
bool Whole(const Node& a, const Node& b) { return Same(a, b) && a.held == b.held; }
bool Whole(const Pool& a, const Pool& b) {
  return Same(a, b) && a.waiting == b.waiting && a.nodes == b.nodes;
}
bool Whole(const Datastore& a, const Datastore& b) {
  return a.key == b.key && a.local_path == b.local_path;
}
bool Whole(const Token& a, const Token& b) {
  return std::tie(a.id, a.workspace, a.user, a.role, a.secret_hash, a.pool, a.created, a.expires,
                  a.revoked) == std::tie(b.id, b.workspace, b.user, b.role, b.secret_hash, b.pool,
                                         b.created, b.expires, b.revoked);
}
bool Whole(const AnsweredRequest& a, const AnsweredRequest& b) {
  return std::tie(a.request_digest, a.entity, a.sequence) ==
         std::tie(b.request_digest, b.entity, b.sequence);
}

std::string Name(const JobId& id) { return id.str(); }
std::string Name(const AttemptId& id) { return ToString(id); }
std::string Name(const NodeId& id) { return id.str(); }
std::string Name(const TokenId& id) { return id.str(); }
std::string Name(const scheduler::PoolKey& key) { return key.name.str(); }
std::string Name(const scheduler::DatastoreKey& key) { return key.name.str(); }
std::string Name(const scheduler::RequestKey& key) { return key.key; }

template <class Map>
std::string DifferenceIn(const char* what, const Map& a, const Map& b) {
  auto left = a.begin();
  auto right = b.begin();
  for (; left != a.end() && right != b.end(); ++left, ++right) {
    if (left->first != right->first) break;
    if (!Whole(left->second, right->second)) {
      return std::string(what) + " " + Name(left->first) + " differs";
    }
  }
  if (left == a.end() && right == b.end()) return "";
  const bool only_left = right == b.end() || (left != a.end() && left->first < right->first);
  return std::string(what) + " " + Name(only_left ? left->first : right->first) +
         (only_left ? " is only in the first" : " is only in the second");
}

}  // namespace

bool Same(const Job& a, const Job& b) {
  return std::tie(a.id, a.workspace, a.experiment, a.user, a.sequence, a.requirements, a.status,
                  a.status_before_silence, a.cause, a.attempt_count, a.node_losses, a.submitted,
                  a.started, a.ended) == std::tie(b.id, b.workspace, b.experiment, b.user,
                                                  b.sequence, b.requirements, b.status,
                                                  b.status_before_silence, b.cause, b.attempt_count,
                                                  b.node_losses, b.submitted, b.started, b.ended) &&
         SameText(a.spec, b.spec);
}

bool Same(const Attempt& a, const Attempt& b) {
  if (a.nodes.size() != b.nodes.size()) return false;
  for (std::size_t i = 0; i < a.nodes.size(); ++i) {
    if (a.nodes[i].node != b.nodes[i].node || a.nodes[i].phase != b.nodes[i].phase) return false;
  }
  return std::tie(a.id, a.phase, a.stop, a.ranks, a.rank_nodes, a.master_port, a.cause, a.log_tail,
                  a.created, a.running, a.stopping, a.ended) ==
         std::tie(b.id, b.phase, b.stop, b.ranks, b.rank_nodes, b.master_port, b.cause, b.log_tail,
                  b.created, b.running, b.stopping, b.ended);
}

bool Same(const Node& a, const Node& b) {
  return std::tie(a.id, a.pool, a.facts, a.certificate_fingerprint, a.cordoned, a.draining,
                  a.lost) ==
         std::tie(b.id, b.pool, b.facts, b.certificate_fingerprint, b.cordoned, b.draining, b.lost);
}

bool Same(const Pool& a, const Pool& b) {
  return std::tie(a.key, a.slots_per_node, a.min_nodes, a.max_nodes, a.sharing) ==
         std::tie(b.key, b.slots_per_node, b.min_nodes, b.max_nodes, b.sharing);
}

std::string Difference(const State& a, const State& b) {
  if (a.epoch != b.epoch) return "the epoch differs";
  if (a.last_sequence != b.last_sequence) return "the last event's number differs";
  if (a.last_job_sequence != b.last_job_sequence) return "the last job's number differs";
  if (a.leases_extended_until != b.leases_extended_until) return "the extension of leases differs";
  if (a.workspaces != b.workspaces) return "the workspaces differ";
  if (a.answered_by_sequence != b.answered_by_sequence) return "the order of answers differs";
  for (const std::string& difference :
       {DifferenceIn("token", a.tokens, b.tokens), DifferenceIn("pool", a.pools, b.pools),
        DifferenceIn("datastore", a.datastores, b.datastores),
        DifferenceIn("node", a.nodes, b.nodes), DifferenceIn("job", a.jobs, b.jobs),
        DifferenceIn("attempt", a.attempts, b.attempts),
        DifferenceIn("answer", a.answered, b.answered)}) {
    if (!difference.empty()) return difference;
  }
  return "";
}

}  // namespace muster::sim
