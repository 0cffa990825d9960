#include "server/rpc/session_registry.h"

#include <type_traits>
#include <utility>
#include <variant>

#include "base/check.h"

namespace muster::server {

void SessionRegistry::Add(std::uint64_t session, std::shared_ptr<AgentStream> stream) {
  const bool added = streams_.emplace(session, std::move(stream)).second;
  MUSTER_CHECK(added, "a session number was used twice");
}

void SessionRegistry::Remove(std::uint64_t session) { streams_.erase(session); }

bool SessionRegistry::Route(const scheduler::Effect& effect) {
  return std::visit(
      [this](const auto& message) {
        using Message = std::decay_t<decltype(message)>;
        if constexpr (std::is_same_v<Message, scheduler::PublishIdentities>) {
          return false;
        } else {
          const auto found = streams_.find(message.session);
          if (found == streams_.end()) return true;
          if constexpr (std::is_same_v<Message, scheduler::DropSession>) {
            found->second->Drop(message.reason);
          } else {
            found->second->Send(message);
          }
          return true;
        }
      },
      effect);
}

}  // namespace muster::server
