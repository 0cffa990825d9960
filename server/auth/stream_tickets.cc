#include "server/auth/stream_tickets.h"

#include <utility>

#include "server/auth/authenticator.h"

namespace muster::server {

Status StreamTickets::Ticket::Check(TimePoint now) const {
  return CheckIdentity(holder_, *tickets_.identities_.Current(), now);
}

Result<std::unique_ptr<StreamTickets::Ticket>> StreamTickets::Admit(
    const scheduler::Principal& holder) {
  const bool is_node = holder.role == scheduler::Role::kNode;
  const std::string key = is_node ? "node " + holder.node.str() : "token " + holder.token.str();
  {
    const std::lock_guard lock(mutex_);
    std::size_t& open = open_[key];
    if (open >= max_streams_) {
      return Fail(ErrorCode::kResourceExhausted, ErrorReason::kTooMany,
                  key + " has " + std::to_string(open) +
                      " streams open, as many as the server allows (max_streams); end some, or "
                      "follow several jobs with one stream of all");
    }
    ++open;
  }
  return std::make_unique<Ticket>(*this, holder, key);
}

void StreamTickets::Release(const std::string& key) {
  const std::lock_guard lock(mutex_);
  const auto found = open_.find(key);
  if (--found->second == 0) open_.erase(found);
}

}  // namespace muster::server
