#include "tests/sim/truth.h"

#include "tests/sim/violation.h"

namespace muster::sim {

void Truth::Staged(const AttemptId& attempt, const NodeId& node) {
  attempts_[attempt].staged.insert(node);
}

void Truth::Started(const AttemptId& attempt, const NodeId& node, const std::vector<NodeId>& gang) {
  Facts& facts = attempts_[attempt];
  Promise(facts.started.insert(node).second, [&] {
    return "attempt " + ToString(attempt) + " was started twice on node " + node.str();
  });
  for (const NodeId& member : gang) {
    Promise(facts.staged.contains(member), [&] {
      return "attempt " + ToString(attempt) + " was started on " + node.str() + " before " +
             member.str() + " was ready";
    });
  }
  for (auto it = attempts_.lower_bound(AttemptId{attempt.job, 0});
       it != attempts_.end() && it->first.job == attempt.job; ++it) {
    if (it->first == attempt) continue;
    Promise(it->second.alive.empty(), [&] {
      return "attempt " + ToString(attempt) + " was started on " + node.str() + " while " +
             ToString(it->first) + " lives on " + it->second.alive.begin()->str();
    });
  }
  facts.alive.insert(node);
}

void Truth::Ended(const AttemptId& attempt, const NodeId& node) {
  attempts_[attempt].alive.erase(node);
}

void Truth::RankEnded(const AttemptId& attempt, std::uint32_t rank, RealExit exit) {
  attempts_[attempt].exits[rank] = exit;
}

bool Truth::Lives(const AttemptId& attempt, const NodeId& node) const {
  const auto it = attempts_.find(attempt);
  return it != attempts_.end() && it->second.alive.contains(node);
}

std::optional<RealExit> Truth::ExitOf(const AttemptId& attempt, std::uint32_t rank) const {
  const auto it = attempts_.find(attempt);
  if (it == attempts_.end()) return std::nullopt;
  const auto exit = it->second.exits.find(rank);
  if (exit == it->second.exits.end()) return std::nullopt;
  return exit->second;
}

bool Truth::AllSucceeded(const AttemptId& attempt, std::uint32_t ranks) const {
  const auto it = attempts_.find(attempt);
  if (it == attempts_.end() || it->second.exits.size() != ranks) return false;
  for (const auto& [rank, exit] : it->second.exits) {
    if (exit != RealExit{0, std::nullopt}) return false;
  }
  return true;
}

std::vector<std::pair<AttemptId, NodeId>> Truth::Living() const {
  std::vector<std::pair<AttemptId, NodeId>> living;
  for (const auto& [id, facts] : attempts_) {
    for (const NodeId& node : facts.alive) living.emplace_back(id, node);
  }
  return living;
}

}  // namespace muster::sim
