#include "server/auth/token_mint.h"

namespace muster::server {
namespace {

using scheduler::Role;

constexpr char kDefaultWorkspace[] = "default";
constexpr char kDefaultPool[] = "default";
constexpr char kFirstAdminKey[] = "first-start/admin";
constexpr char kFirstJoinKey[] = "first-start/join";

scheduler::Idempotency FirstStartKey(const char* key) { return {key, Sha256(key)}; }

}  // namespace

MintedToken TokenMint::Mint(const TokenOrder& order) const {
  const TokenId id = security::DeriveTokenId(token_key_, order.workspace, order.idempotency.key);
  const std::string secret = security::DeriveSecret(token_key_, id);
  MintedToken minted;
  minted.command.idempotency = order.idempotency;
  minted.command.definition = {
      id,         order.workspace, order.user, order.role, security::HashSecret(secret),
      order.pool, order.expires};
  const auto kind =
      order.role == Role::kJoin ? security::TokenKind::kJoin : security::TokenKind::kClient;
  minted.text = security::FormatToken({kind, id, secret, ca_fingerprint_});
  return minted;
}

MintedToken TokenMint::FirstAdminToken(TimePoint now) const {
  return Mint({WorkspaceName(kDefaultWorkspace), UserName("admin"), Role::kAdmin, PoolName(),
               now + kMaxTokenLifetime, FirstStartKey(kFirstAdminKey)});
}

MintedToken TokenMint::FirstJoinToken(TimePoint now) const {
  return Mint({WorkspaceName(kDefaultWorkspace), UserName("join"), Role::kJoin,
               PoolName(kDefaultPool), now + kMaxTokenLifetime, FirstStartKey(kFirstJoinKey)});
}

}  // namespace muster::server
