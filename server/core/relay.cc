#include "server/core/relay.h"

#include <algorithm>
#include <string_view>

#include "scheduler/model/queries.h"

namespace muster::server {

namespace {

using scheduler::Attempt;
using scheduler::DaemonExit;
using scheduler::DaemonRequest;

bool IsOrted(std::string_view word) {
  const std::size_t slash = word.rfind('/');
  if (slash != std::string_view::npos) word.remove_prefix(slash + 1);
  return word == "orted";
}

bool IsAllowed(const Attempt& attempt, const DaemonRequest& request) {
  if (request.arguments.empty() || !IsOrted(request.arguments.front())) return false;
  return scheduler::NodeIn(attempt, request.node) != nullptr;
}

bool IsHead(const Attempt& attempt, const NodeId& node) {
  return attempt.nodes.front().node == node;
}

const DaemonExit* Find(const std::vector<DaemonExit>& exits, std::uint64_t id) {
  const auto it = std::find_if(exits.begin(), exits.end(),
                               [id](const DaemonExit& exit) { return exit.id == id; });
  return it == exits.end() ? nullptr : &*it;
}

void AddAll(const Attempt& attempt, std::set<NodeId>& nodes) {
  for (const scheduler::AttemptNode& member : attempt.nodes) nodes.insert(member.node);
}

}  // namespace

void DaemonRelay::Observe(const Attempt& attempt, const NodeId& node,
                          const scheduler::ObservedAttempt& observed, std::set<NodeId>& changed) {
  const bool has_entry = entries_.contains(attempt.id);
  const bool has_news = !observed.daemon_requests.empty() || !observed.daemon_exits.empty();
  if (!has_entry && !has_news) return;
  Entry& entry = entries_[attempt.id];
  if (IsHead(attempt, node) && entry.requests != observed.daemon_requests) {
    entry.requests = observed.daemon_requests;
    AddAll(attempt, changed);
  }
  std::vector<DaemonExit>& exits = entry.exits[node];
  if (exits != observed.daemon_exits) {
    exits = observed.daemon_exits;
    changed.insert(attempt.nodes.front().node);
  }
}

std::vector<DaemonRequest> DaemonRelay::DaemonsFor(const Attempt& attempt,
                                                   const NodeId& node) const {
  std::vector<DaemonRequest> daemons;
  const Entry* entry = scheduler::Find(entries_, attempt.id);
  if (entry == nullptr) return daemons;
  for (const DaemonRequest& request : entry->requests) {
    if (request.node == node && IsAllowed(attempt, request)) daemons.push_back(request);
  }
  return daemons;
}

std::vector<DaemonExit> DaemonRelay::ExitsFor(const Attempt& attempt, const NodeId& node) const {
  std::vector<DaemonExit> ends;
  const Entry* entry = scheduler::Find(entries_, attempt.id);
  if (entry == nullptr || !IsHead(attempt, node)) return ends;
  for (const DaemonRequest& request : entry->requests) {
    if (!IsAllowed(attempt, request)) {
      ends.push_back(DaemonExit{request.id, kDaemonRefused});
      continue;
    }
    const auto* exits = scheduler::Find(entry->exits, request.node);
    const DaemonExit* exit = exits == nullptr ? nullptr : Find(*exits, request.id);
    if (exit != nullptr) ends.push_back(*exit);
  }
  return ends;
}

}  // namespace muster::server
