// The state: a fold of events, and nothing else. Only Apply changes it. Containers are ordered, so
// that nothing depends on a hash.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/boxed.h"
#include "base/digest.h"
#include "base/ids.h"
#include "base/time.h"
#include "scheduler/model/event.h"
#include "scheduler/model/types.h"

namespace muster::scheduler {

struct Token {
  TokenId id;
  WorkspaceName workspace;
  UserName user;
  Role role = Role::kViewer;
  Digest secret_hash;
  PoolName pool;
  TimePoint created{};
  TimePoint expires{};
  bool revoked = false;
};

struct PoolKey {
  WorkspaceName workspace;
  PoolName name;
  friend auto operator<=>(const PoolKey&, const PoolKey&) = default;
  friend bool operator==(const PoolKey&, const PoolKey&) = default;
};

// Order of a pool's queue: higher priority first, then submission.
struct QueueKey {
  std::int32_t negated_priority = 0;
  std::uint64_t sequence = 0;
  friend auto operator<=>(const QueueKey&, const QueueKey&) = default;
  friend bool operator==(const QueueKey&, const QueueKey&) = default;
};

struct Pool {
  PoolKey key;
  std::uint32_t slots_per_node = 0;
  std::uint32_t min_nodes = 0;
  std::uint32_t max_nodes = 0;
  SharingMode sharing = SharingMode::kExclusive;
  // Derived by Apply, so that a planning pass starts from what is needed:
  std::map<QueueKey, JobId> waiting;
  std::set<NodeId> nodes;
};

struct DatastoreKey {
  WorkspaceName workspace;
  DatastoreName name;
  friend auto operator<=>(const DatastoreKey&, const DatastoreKey&) = default;
  friend bool operator==(const DatastoreKey&, const DatastoreKey&) = default;
};

struct Datastore {
  DatastoreKey key;
  std::string local_path;
};

struct Node {
  NodeId id;
  PoolKey pool;
  NodeFacts facts;
  Digest certificate_fingerprint;
  bool cordoned = false;
  bool draining = false;
  bool lost = false;
  // Derived: attempts that hold slots here, with the slots held. An attempt lets go of a node when
  // the node reported kFinished, or when the node is removed, or has returned after a loss without
  // it.
  std::map<AttemptId, std::uint32_t> held;
};

struct AttemptNode {
  NodeId node;
  NodePhase phase = NodePhase::kAssigned;
};

struct Attempt {
  AttemptId id;
  AttemptPhase phase = AttemptPhase::kPreparing;
  StopMode stop = StopMode::kTerminate;
  std::vector<AttemptNode> nodes;  // node-rank order; the first is the head
  std::map<std::uint32_t, RankState> ranks;
  std::map<std::uint32_t, NodeId> rank_nodes;
  std::uint32_t master_port = 0;
  std::optional<Cause> cause;
  std::string log_tail;
  TimePoint created{};
  std::optional<TimePoint> running;
  std::optional<TimePoint> stopping;
  std::optional<TimePoint> ended;
};

struct Job {
  JobId id;
  WorkspaceName workspace;
  std::string experiment;
  UserName user;
  std::uint64_t sequence = 0;
  JobRequirements requirements;
  JobStatus status = JobStatus::kQueued;
  // The status a NotResponding job goes back to.
  JobStatus status_before_silence = JobStatus::kQueued;
  Boxed<Cause> cause;
  std::uint32_t attempt_count = 0;
  std::uint32_t node_losses = 0;  // attempts that ended with kNodeLost or kLeaseExpired
  TimePoint submitted{};
  std::optional<TimePoint> started;
  std::optional<TimePoint> ended;
  std::shared_ptr<const std::string> spec;  // resolved, serialised muster.v1.JobSpec; opaque here
  // Derived: key of the request that submitted it, whose answer is kept at least as long as the
  // job.
  std::string request_key;
};

// The answer a repeated request gets. Kept for live jobs and for the newest kRememberedRequests
// others.
struct AnsweredRequest {
  Digest request_digest;
  std::string entity;
  std::uint64_t sequence = 0;  // of its event: the oldest is forgotten first
};
inline constexpr std::size_t kRememberedRequests = 200'000;

struct RequestKey {
  WorkspaceName workspace;
  std::string key;
  friend auto operator<=>(const RequestKey&, const RequestKey&) = default;
  friend bool operator==(const RequestKey&, const RequestKey&) = default;
};

struct State {
  std::uint64_t epoch = 0;          // number of starts
  std::uint64_t last_sequence = 0;  // of events
  std::uint64_t last_job_sequence = 0;
  std::optional<TimePoint> leases_extended_until;
  std::set<WorkspaceName> workspaces;
  std::map<TokenId, Token> tokens;
  std::map<PoolKey, Pool> pools;
  std::map<DatastoreKey, Datastore> datastores;
  std::map<NodeId, Node> nodes;
  // Live jobs, and ended ones of which an attempt still holds a node. Others are on disk only.
  std::map<JobId, Job> jobs;
  // Attempts that hold a node or belong to a live job's current execution.
  std::map<AttemptId, Attempt> attempts;
  std::map<RequestKey, AnsweredRequest> answered;
  // Derived: the answers that may be forgotten, oldest first; those to the submits of live jobs are
  // not in it.
  std::map<std::uint64_t, RequestKey> answered_by_sequence;
};

}  // namespace muster::scheduler
