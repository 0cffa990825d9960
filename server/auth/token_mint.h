// Makes tokens: the command that records one, and the text that is shown once. Nothing secret is
// kept: the secret follows from the server's token key and the id, the id from the idempotency key.
#pragma once

#include <string>

#include "base/digest.h"
#include "base/ids.h"
#include "base/time.h"
#include "scheduler/model/command.h"
#include "security/token.h"

namespace muster::server {

inline constexpr Duration kMaxTokenLifetime = std::chrono::hours(24 * 3650);

struct TokenOrder {
  WorkspaceName workspace;
  UserName user;
  scheduler::Role role = scheduler::Role::kViewer;  // kJoin: a join token
  PoolName pool;                                    // of a join token
  TimePoint expires{};
  scheduler::Idempotency idempotency;
};

struct MintedToken {
  scheduler::CreateToken command;
  std::string text;  // never log it
};

// Immutable; thread-safe.
class TokenMint {
 public:
  TokenMint(std::string token_key, const Digest& ca_fingerprint)
      : token_key_(std::move(token_key)), ca_fingerprint_(ca_fingerprint) {}

  MintedToken Mint(const TokenOrder& order) const;

  // The tokens of a first start, for <state>/admin.token and <state>/join.token: admin of
  // "default", and joining its pool "default"; both for kMaxTokenLifetime. The same each time for
  // the same key, so that a start that died before the files were written can be repeated. Post
  // them with a principal that is admin of "default".
  MintedToken FirstAdminToken(TimePoint now) const;
  MintedToken FirstJoinToken(TimePoint now) const;

 private:
  std::string token_key_;
  Digest ca_fingerprint_;
};

}  // namespace muster::server
