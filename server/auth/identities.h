// Who there is: what gRPC threads need of the state to authenticate a call, as an immutable
// snapshot.
#pragma once

#include <atomic>
#include <memory>
#include <unordered_map>

#include "base/digest.h"
#include "base/ids.h"
#include "base/time.h"
#include "scheduler/model/state.h"
#include "security/key_fingerprints.h"

namespace muster::server {

struct TokenIdentity {
  Digest secret_hash;
  scheduler::Role role = scheduler::Role::kViewer;
  UserName user;
  WorkspaceName workspace;
  PoolName pool;  // of a join token
  TimePoint expires{};
  bool revoked = false;
};

struct NodeIdentity {
  Digest certificate_fingerprint;  // of its key; certificates of another are refused
  WorkspaceName workspace;
};

struct Identities {
  std::unordered_map<TokenId, TokenIdentity> tokens;
  std::unordered_map<NodeId, NodeIdentity> nodes;
};

// Linear in tokens and nodes.
std::shared_ptr<const Identities> MakeIdentities(const scheduler::State& state);

// The newest snapshot. Thread-safe: the core loop publishes (at start, and for each
// PublishIdentities, in order), gRPC threads read. Starts with nobody in it: every call is refused
// until the first Publish.
class IdentitiesHolder {
 public:
  IdentitiesHolder() : current_(std::make_shared<const Identities>()) {}

  void Publish(std::shared_ptr<const Identities> identities) {
    current_.store(std::move(identities), std::memory_order_release);
  }
  std::shared_ptr<const Identities> Current() const {
    return current_.load(std::memory_order_acquire);
  }
  // Of the certificates that were shown, whoever's they are.
  security::KeyFingerprints& key_fingerprints() const { return key_fingerprints_; }

 private:
  std::atomic<std::shared_ptr<const Identities>> current_;
  mutable security::KeyFingerprints key_fingerprints_;
};

}  // namespace muster::server
