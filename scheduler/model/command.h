// What is asked of the scheduler: by a client, an agent's report, a timer or the planner.
// Imperative, already decoded and authorised; Decide answers with events and effects, or an error.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/digest.h"
#include "base/ids.h"
#include "base/time.h"
#include "scheduler/model/event.h"
#include "scheduler/model/types.h"

namespace muster::scheduler {

// Who asks, checked at the edge. `workspace` is the one its token or certificate is bound to.
struct Principal {
  Role role = Role::kViewer;
  UserName user;
  WorkspaceName workspace;
  NodeId node;                     // of a node's certificate
  TokenId token;                   // of a token
  Digest certificate_fingerprint;  // of a node's certificate
};

// Every command that changes something carries one: the same key with the same digest is answered
// as before, with another digest refused with ALREADY_EXISTS.
struct Idempotency {
  std::string key;
  Digest request_digest;
};

struct SubmitJob {
  WorkspaceName workspace;
  Idempotency idempotency;
  std::string experiment;
  JobRequirements requirements;
  std::vector<DatastoreName> datastores;  // lower case; each must exist
  std::string given_spec;
  std::shared_ptr<const std::string> resolved_spec;
};

struct CancelJob {
  WorkspaceName workspace;
  Idempotency idempotency;
  JobId job;
};

struct CreatePool {
  Idempotency idempotency;
  PoolCreated definition;
};
struct UpdatePool {
  WorkspaceName workspace;
  Idempotency idempotency;
  PoolName name;
  std::optional<std::uint32_t> slots_per_node;
  std::optional<std::uint32_t> min_nodes;
  std::optional<std::uint32_t> max_nodes;
  std::optional<SharingMode> sharing;
};
struct DeletePool {
  WorkspaceName workspace;
  Idempotency idempotency;
  PoolName name;
};

struct RegisterDatastore {
  Idempotency idempotency;
  DatastoreRegistered definition;
};

struct CreateWorkspace {
  Idempotency idempotency;
  WorkspaceName name;
};

// The id is derived by the caller from the idempotency key, and the secret from the id, so that a
// repetition gets the same token without a secret being stored.
struct CreateToken {
  Idempotency idempotency;
  TokenCreated definition;
};
struct RevokeToken {
  WorkspaceName workspace;
  Idempotency idempotency;
  TokenId id;
};

struct CordonNode {
  WorkspaceName workspace;
  Idempotency idempotency;
  NodeId node;
  bool cordoned = true;
  bool draining = false;
};
struct DeclareNodeLost {
  WorkspaceName workspace;
  Idempotency idempotency;
  NodeId node;
};
struct RemoveNode {
  WorkspaceName workspace;
  Idempotency idempotency;
  NodeId node;
};

// --- from agents ------------------------------------------------------------------------------

// Checked against the join token's pool; a node id of another pool or workspace is refused. A known
// id may join again with a valid join token (a reinstalled machine): its old certificate is void.
struct EnrollNode {
  NodeId node;
  NodeFacts facts;
  Digest certificate_fingerprint;
  PoolName pool;  // of the join token
};
struct RenewNodeCertificate {
  NodeId node;
  Digest certificate_fingerprint;
};

struct OpenSession {
  NodeId node;
  std::uint64_t session = 0;  // chosen by the edge, growing
  NodeFacts facts;
  std::string incarnation;
};
struct CloseSession {
  NodeId node;
  std::uint64_t session = 0;
};
struct ReceiveHeartbeat {
  NodeId node;
  std::uint64_t session = 0;
  std::int64_t sent_us = 0;  // echoed
};

enum class ObservedPhase : std::uint8_t { kPreparing = 1, kReady, kRunning, kExited, kFinished };

struct DaemonRequest {
  std::uint64_t id = 0;
  NodeId node;
  std::vector<std::string> arguments;
  friend bool operator==(const DaemonRequest&, const DaemonRequest&) = default;
};
struct DaemonExit {
  std::uint64_t id = 0;
  std::int32_t exit_code = 0;
  friend bool operator==(const DaemonExit&, const DaemonExit&) = default;
};

struct ObservedAttempt {
  AttemptId id;
  ObservedPhase phase = ObservedPhase::kPreparing;
  std::vector<RankState> ranks;
  std::optional<Cause> failure;
  std::vector<DaemonRequest> daemon_requests;
  std::vector<DaemonExit> daemon_exits;
  std::string last_log_lines;
};

// The whole level of a node.
struct ReceiveReport {
  NodeId node;
  std::uint64_t session = 0;
  std::uint64_t sequence = 0;
  std::vector<ObservedAttempt> attempts;
  std::uint64_t free_disk_bytes = 0;
  bool disk_low = false;
};

// --- from the server's own edges --------------------------------------------------------------

struct ObserveDisk {
  std::uint64_t free_bytes = 0;
  std::uint64_t reserve_bytes = 0;
};
// SIGTERM: extend leases, say goodbye, accept nothing new.
struct BeginShutdown {};

using CommandBody =
    std::variant<SubmitJob, CancelJob, CreatePool, UpdatePool, DeletePool, RegisterDatastore,
                 CreateWorkspace, CreateToken, RevokeToken, CordonNode, DeclareNodeLost, RemoveNode,
                 EnrollNode, RenewNodeCertificate, OpenSession, CloseSession, ReceiveHeartbeat,
                 ReceiveReport, ObserveDisk, BeginShutdown>;

struct Command {
  Principal principal;
  CommandBody body;
};

}  // namespace muster::scheduler
