// What has happened. Events are the only input of Apply: the state is their fold, on disk they are
// the audit trail and the source of watches. Past tense, pure data, no pointers into the state.
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
#include "scheduler/model/types.h"

namespace muster::scheduler {

// --- the server -------------------------------------------------------------------------------

// The server started for the `epoch`-th time.
struct ServerStarted {
  std::uint64_t epoch = 0;
};

// A planned stop: no lease may be judged expired before `until`.
struct LeasesExtended {
  TimePoint until{};
};

// A request that changed something was answered: a repetition of `key` gets the same answer.
struct RequestAnswered {
  WorkspaceName workspace;
  std::string key;
  Digest request_digest;  // of method, user and content
  std::string entity;     // what the answer names: a job id, a token id...; may be empty
};

// --- workspaces, tokens -----------------------------------------------------------------------

struct WorkspaceCreated {
  WorkspaceName name;
};

struct TokenCreated {
  TokenId id;
  WorkspaceName workspace;
  UserName user;
  Role role = Role::kViewer;
  Digest secret_hash;
  PoolName pool;  // of a join token
  TimePoint expires{};
};

struct TokenRevoked {
  TokenId id;
};

// It expired long ago.
struct TokenForgotten {
  TokenId id;
};

// --- pools, datastores, nodes -----------------------------------------------------------------

struct PoolCreated {
  WorkspaceName workspace;
  PoolName name;
  std::uint32_t slots_per_node = 0;
  std::uint32_t min_nodes = 0;
  std::uint32_t max_nodes = 0;
  SharingMode sharing = SharingMode::kExclusive;
};

// The whole new definition.
struct PoolUpdated {
  PoolCreated definition;
};

struct PoolDeleted {
  WorkspaceName workspace;
  PoolName name;
};

// Registered anew or replaced.
struct DatastoreRegistered {
  WorkspaceName workspace;
  DatastoreName name;  // lower case
  std::string local_path;
};

// The node got its certificate.
struct NodeJoined {
  NodeId id;
  WorkspaceName workspace;
  PoolName pool;
  NodeFacts facts;
  Digest certificate_fingerprint;
};

// A certificate was renewed.
struct NodeCertificateRenewed {
  NodeId id;
  Digest certificate_fingerprint;
};

struct NodeFactsChanged {
  NodeId id;
  NodeFacts facts;
};

struct NodeCordoned {
  NodeId id;
  bool cordoned = true;
  bool draining = false;
};

// Unheard for lost_after, or declared so by an operator.
struct NodeLost {
  NodeId id;
  Cause cause;
};

// A lost node opened a session again.
struct NodeReturned {
  NodeId id;
};

struct NodeRemoved {
  NodeId id;
};

// --- jobs and attempts ------------------------------------------------------------------------

struct JobSubmitted {
  JobId id;
  WorkspaceName workspace;
  std::string experiment;
  UserName user;
  std::uint64_t sequence = 0;  // submission order
  JobRequirements requirements;
  std::string given_spec;  // serialised muster.v1.JobSpec as received; stored, not kept in memory
  std::shared_ptr<const std::string> resolved_spec;  // the same with defaults filled in
};

struct JobStatusChanged {
  JobId job;
  JobStatus status = JobStatus::kQueued;
  std::optional<Cause> cause;  // with Failed, Canceled, CancelRequested, NotResponding
};

struct AttemptCreated {
  AttemptId id;
  std::vector<NodeId> nodes;  // node-rank order
  std::uint32_t master_port = 0;
};

struct AttemptPhaseChanged {
  AttemptId id;
  AttemptPhase phase = AttemptPhase::kPreparing;
  StopMode stop = StopMode::kTerminate;  // with kStopping
  std::optional<Cause> cause;            // with kStopping and kEnded
};

// What the first cause of a stopping attempt came from. The log tail was of another node.
struct AttemptCauseChanged {
  AttemptId id;
  Cause cause;
};

struct AttemptNodePhaseChanged {
  AttemptId id;
  NodeId node;
  NodePhase phase = NodePhase::kAssigned;
};

struct RankStarted {
  AttemptId id;
  NodeId node;
  std::uint32_t rank = 0;
  TimePoint started{};
};

struct RankEnded {
  AttemptId id;
  NodeId node;
  RankState state;
};

// Last log bytes of the rank to blame, at most 4 KiB.
struct AttemptLogTailNoted {
  AttemptId id;
  std::string text;
};

using EventBody =
    std::variant<ServerStarted, LeasesExtended, RequestAnswered, WorkspaceCreated, TokenCreated,
                 TokenRevoked, TokenForgotten, PoolCreated, PoolUpdated, PoolDeleted,
                 DatastoreRegistered, NodeJoined, NodeCertificateRenewed, NodeFactsChanged,
                 NodeCordoned, NodeLost, NodeReturned, NodeRemoved, JobSubmitted, JobStatusChanged,
                 AttemptCreated, AttemptPhaseChanged, AttemptNodePhaseChanged, RankStarted,
                 RankEnded, AttemptLogTailNoted, AttemptCauseChanged>;

struct Event {
  std::uint64_t sequence = 0;  // from 1, without gaps; assigned by the core
  TimePoint time{};
  UserName actor;  // who caused it; empty: the server itself
  EventBody body;
};

}  // namespace muster::scheduler
