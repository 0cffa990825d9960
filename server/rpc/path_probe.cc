#include "server/rpc/path_probe.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <string_view>
#include <utility>

#include "base/check.h"

namespace muster::server {

namespace v1 = muster::v1;

void PathProbe::Add(std::uint64_t session, const NodeId& node, std::shared_ptr<PathPeer> peer) {
  const bool added = peers_.emplace(session, Peer{node, std::move(peer)}).second;
  MUSTER_CHECK(added, "a session number was used twice");
  by_node_.emplace(node, session);
}

void PathProbe::Remove(std::uint64_t session) {
  const auto peer = peers_.find(session);
  if (peer == peers_.end()) return;
  by_node_.erase({peer->second.node, session});
  peers_.erase(peer);
  for (auto open = open_.begin(); open != open_.end();) {
    open = open->second.owing.erase(session) == 0 ? std::next(open) : GoOn(open);
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
    std::vector<std::uint64_t> sessions = SessionsToAsk(state, pool);
    if (sessions.empty()) return Asked::kNobody;
    by_key_.emplace(question.key, ++last_question_);
    open = &open_[last_question_];
    open->to_ask = std::move(sessions);
    open->lacking.resize(question.paths.size());
    open->deadline = deadline;
    open->question = std::move(question);
    AskNext(last_question_, *open, kNodesAskedFirst);
  }
  open->held_bytes += bytes;
  open->waiting.push_back(std::move(on_verdict));
  held_bytes_ += bytes;
  ++waiting_;
  return Asked::kYes;
}

std::vector<std::uint64_t> PathProbe::SessionsToAsk(const scheduler::State& state,
                                                    const scheduler::PoolKey& pool) const {
  std::vector<std::uint64_t> taking_work;
  std::vector<std::uint64_t> others;
  for (const auto& [session, who] : peers_) {
    if (who.silent || IsReplaced(session, who.node)) continue;
    const auto node = state.nodes.find(who.node);
    if (node == state.nodes.end() || node->second.pool != pool) continue;
    const bool takes_work = !node->second.cordoned && !node->second.draining;
    auto& chosen = takes_work ? taking_work : others;
    if (chosen.size() < kNodesAsked) chosen.push_back(session);
    if (taking_work.size() == kNodesAsked) break;
  }
  return taking_work.empty() ? others : taking_work;
}

bool PathProbe::IsReplaced(std::uint64_t session, const NodeId& node) const {
  const auto next = by_node_.upper_bound({node, session});
  return next != by_node_.end() && next->first == node;
}

void PathProbe::AskNext(std::uint64_t number, Open& open, std::size_t count) {
  if (open.to_ask.empty()) return;
  const auto message = std::make_shared<v1::CheckPaths>();
  message->set_id(number);
  for (const std::string& path : open.question.paths) message->add_paths(path);
  const auto last =
      open.to_ask.begin() + static_cast<std::ptrdiff_t>(std::min(count, open.to_ask.size()));
  for (auto session = open.to_ask.begin(); session != last; ++session) {
    const auto peer = peers_.find(*session);
    if (peer == peers_.end() || peer->second.silent) continue;
    peer->second.peer->Ask(message);
    open.owing.emplace(*session, peer->second.node);
  }
  open.to_ask.erase(open.to_ask.begin(), last);
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
  GoOn(open);
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

bool PathProbe::Open::AllFound() const {
  return std::ranges::all_of(lacking,
                             [this](std::size_t count) { return count < answered.size(); });
}

PathVerdict PathProbe::Open::Verdict() const {
  PathVerdict verdict{answered, {}};
  std::ranges::sort(verdict.answered);
  for (std::size_t i = 0; i < lacking.size() && !answered.empty(); ++i) {
    if (lacking[i] == answered.size()) verdict.missing.push_back(question.paths[i]);
  }
  return verdict;
}

PathProbe::OpenIt PathProbe::GoOn(OpenIt open) {
  if (open->second.AllFound()) return Close(open);
  AskNext(open->first, open->second, kNodesAsked);
  return open->second.owing.empty() ? Close(open) : std::next(open);
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
