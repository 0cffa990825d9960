#include "server/rpc/placement_cache.h"

namespace muster::server {
namespace {

constexpr std::size_t kMaxEntries = 8'192;
constexpr Duration kFresh = std::chrono::seconds(30);

}  // namespace

std::optional<WorkspaceName> PlacementCache::Find(const NodeId& node, const AttemptId& attempt,
                                                  SteadyPoint now) const {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find({node, attempt});
  if (found == entries_.end() || now - found->second.found > kFresh) return std::nullopt;
  return found->second.workspace;
}

void PlacementCache::Remember(const NodeId& node, const AttemptId& attempt,
                              const WorkspaceName& workspace, SteadyPoint now) {
  const std::lock_guard lock(mutex_);
  if (entries_.size() >= kMaxEntries) {
    std::erase_if(entries_, [now](const auto& entry) { return now - entry.second.found > kFresh; });
    if (entries_.size() >= kMaxEntries) entries_.clear();
  }
  entries_[{node, attempt}] = Entry{workspace, now};
}

std::optional<WorkspaceName> FindPlacement(const scheduler::State& state, const NodeId& node,
                                           const AttemptId& attempt) {
  const auto found = state.nodes.find(node);
  if (found == state.nodes.end() || !found->second.held.contains(attempt)) return std::nullopt;
  return found->second.pool.workspace;
}

}  // namespace muster::server
