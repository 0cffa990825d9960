#include "server/rpc/path_probe.h"

#include <algorithm>
#include <iterator>
#include <ranges>
#include <set>
#include <string_view>
#include <utility>

#include "base/check.h"

namespace muster::server {

namespace v1 = muster::v1;

void PathProbe::Add(std::uint64_t session, const NodeId& node, std::shared_ptr<PathPeer> peer) {
  const bool added = peers_.emplace(session, Peer{node, std::move(peer)}).second;
  MUSTER_CHECK(added, "a session number was used twice");
}

void PathProbe::Remove(std::uint64_t session) {
  if (peers_.erase(session) == 0) return;
  for (auto open = open_.begin(); open != open_.end();) {
    open = open->second.owing.erase(session) == 0 ? std::next(open) : CloseIfDecided(open);
  }
}

PathProbe::Asked PathProbe::Ask(PathQuestion question, const scheduler::State& state,
                                const scheduler::PoolKey& pool, SteadyPoint deadline,
                                OnVerdict on_verdict) {
  const std::size_t bytes = question.held_bytes;
  if (waiting_ >= kMaxWaiting || held_bytes_ + bytes > kMaxHeldBytes) return Asked::kFull;
  const auto same = by_key_.find(question.key);
  Open* open = same == by_key_.end() ? nullptr : &open_.at(same->second);
  if (open == nullptr) {
    std::map<std::uint64_t, NodeId> asked = SessionsToAsk(state, pool);
    if (asked.empty()) return Asked::kNobody;
    const auto message = std::make_shared<v1::CheckPaths>();
    message->set_id(++last_question_);
    for (const std::string& path : question.paths) message->add_paths(path);
    for (const auto& [session, node] : asked) peers_.at(session).peer->Ask(message);
    by_key_.emplace(question.key, last_question_);
    open = &open_[last_question_];
    open->owing = std::move(asked);
    open->lacking.resize(question.paths.size());
    open->deadline = deadline;
    open->question = std::move(question);
  }
  open->held_bytes += bytes;
  open->waiting.push_back(std::move(on_verdict));
  held_bytes_ += bytes;
  ++waiting_;
  return Asked::kYes;
}

std::map<std::uint64_t, NodeId> PathProbe::SessionsToAsk(const scheduler::State& state,
                                                         const scheduler::PoolKey& pool) const {
  std::map<std::uint64_t, NodeId> taking_work;
  std::map<std::uint64_t, NodeId> others;
  std::set<NodeId> seen;
  for (const auto& [session, who] : peers_ | std::views::reverse) {  // the newest first
    if (!seen.insert(who.node).second || who.silent) continue;
    const auto node = state.nodes.find(who.node);
    if (node == state.nodes.end() || node->second.pool != pool) continue;
    const bool takes_work = !node->second.cordoned && !node->second.draining;
    auto& chosen = takes_work ? taking_work : others;
    if (chosen.size() < kNodesAsked) chosen.emplace(session, who.node);
    if (taking_work.size() == kNodesAsked) break;
  }
  return taking_work.empty() ? others : taking_work;
}

bool PathProbe::Answer(std::uint64_t session, const v1::PathsChecked& checked) {
  const auto peer = peers_.find(session);
  if (peer == peers_.end()) return false;
  const bool was_silent = std::exchange(peer->second.silent, false);
  const auto open = open_.find(checked.id());
  if (open == open_.end() || open->second.owing.erase(session) == 0) return was_silent;
  const std::set<std::string_view> missing(checked.missing().begin(), checked.missing().end());
  const std::vector<std::string>& paths = open->second.question.paths;
  for (std::size_t i = 0; i < paths.size(); ++i) {
    if (missing.contains(paths[i])) ++open->second.lacking[i];
  }
  open->second.answered.push_back(peer->second.node);
  CloseIfDecided(open);
  return was_silent;
}

std::vector<NodeId> PathProbe::Expire(SteadyPoint now) {
  std::vector<NodeId> fell_silent;
  while (!open_.empty() && open_.begin()->second.deadline <= now) {
    for (const auto& [session, node] : open_.begin()->second.owing) {
      if (!std::exchange(peers_.at(session).silent, true)) fell_silent.push_back(node);
    }
    Close(open_.begin());
  }
  return fell_silent;
}

std::optional<SteadyPoint> PathProbe::NextDeadline() const {
  if (open_.empty()) return std::nullopt;
  return open_.begin()->second.deadline;
}

bool PathProbe::Open::IsDecided() const {
  return owing.empty() || std::ranges::all_of(lacking, [this](std::size_t count) {
           return count < answered.size();
         });
}

PathVerdict PathProbe::Open::Verdict() const {
  PathVerdict verdict{answered, {}};
  std::ranges::sort(verdict.answered);
  for (std::size_t i = 0; i < lacking.size() && !answered.empty(); ++i) {
    if (lacking[i] == answered.size()) verdict.missing.push_back(question.paths[i]);
  }
  return verdict;
}

PathProbe::OpenIt PathProbe::CloseIfDecided(OpenIt open) {
  return open->second.IsDecided() ? Close(open) : std::next(open);
}

PathProbe::OpenIt PathProbe::Close(OpenIt open) {
  const Open closed = std::move(open->second);
  const OpenIt next = open_.erase(open);
  by_key_.erase(closed.question.key);
  held_bytes_ -= closed.held_bytes;
  waiting_ -= closed.waiting.size();
  const auto verdict = std::make_shared<const PathVerdict>(closed.Verdict());
  for (const OnVerdict& on_verdict : closed.waiting) on_verdict(verdict);
  return next;
}

}  // namespace muster::server
