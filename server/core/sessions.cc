#include "server/core/sessions.h"

namespace muster::server {

NodeSession& Sessions::Of(const NodeId& node, Now now) {
  const auto [it, is_new] = nodes_.try_emplace(node);
  if (is_new) it->second.last_heard = now.steady;
  return it->second;
}

const NodeSession* Sessions::Find(const NodeId& node) const {
  const auto it = nodes_.find(node);
  return it == nodes_.end() ? nullptr : &it->second;
}

bool Sessions::Open(NodeSession& session, std::uint64_t number, const std::string& incarnation) {
  if (number <= session.newest) return false;
  session.open = number;
  session.newest = number;
  session.has_reported = false;
  session.told_to_start.clear();
  if (session.incarnation != incarnation) {
    session.incarnation = incarnation;
    session.last_report = 0;
  }
  return true;
}

void Sessions::NoteExtension() {
  for (auto& [id, session] : nodes_) session.has_ended_extension = false;
}

}  // namespace muster::server
