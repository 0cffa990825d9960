#include "server/auth/identities.h"

namespace muster::server {

std::shared_ptr<const Identities> MakeIdentities(const scheduler::State& state) {
  auto identities = std::make_shared<Identities>();
  identities->tokens.reserve(state.tokens.size());
  for (const auto& [id, token] : state.tokens)
    identities->tokens.emplace(
        id, TokenIdentity{token.secret_hash, token.role, token.user, token.workspace, token.pool,
                          token.expires, token.revoked});
  identities->nodes.reserve(state.nodes.size());
  for (const auto& [id, node] : state.nodes)
    identities->nodes.emplace(id, NodeIdentity{node.certificate_fingerprint, node.pool.workspace});
  return identities;
}

}  // namespace muster::server
