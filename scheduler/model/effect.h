// What shall be done outside, in order, once the batch that caused it is durable.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "scheduler/model/command.h"
#include "scheduler/model/types.h"

namespace muster::scheduler {

enum class DesiredPhase : std::uint8_t { kPrepare = 1, kRun, kTerminate, kKill };

struct GangNode {
  NodeId node;
  std::string address;
  std::string host_name;
};

struct ResolvedDatastore {
  DatastoreName name;
  std::string local_path;
};

// What to run; the same object for all nodes of an attempt.
struct AttemptTask {
  WorkspaceName workspace;
  std::shared_ptr<const std::string> spec;  // serialised muster.v1.JobSpec
  std::vector<GangNode> gang;
  std::uint32_t master_port = 0;
  std::vector<ResolvedDatastore> datastores;  // all of the workspace; the spec names some
};

struct DesiredAttempt {
  AttemptId id;
  DesiredPhase phase = DesiredPhase::kPrepare;
  std::shared_ptr<const AttemptTask> task;
  std::uint32_t node_rank = 0;
  Duration grace_period{};
  Duration lease{};  // zero: none
  std::vector<DaemonRequest> daemons;
  std::vector<DaemonExit> daemon_exits;
};

// The whole level for a node, taken when it was decided. The edge leaves the task out where the
// same session has carried it before.
struct SendDesired {
  NodeId node;
  std::uint64_t session = 0;
  std::uint64_t epoch = 0;
  std::uint64_t version = 0;
  std::vector<DesiredAttempt> attempts;
};
struct SendReportAck {
  NodeId node;
  std::uint64_t session = 0;
  std::uint64_t sequence = 0;
};
struct SendHeartbeatAck {
  NodeId node;
  std::uint64_t session = 0;
  std::int64_t sent_us = 0;
};
struct SendWelcome {
  NodeId node;
  std::uint64_t session = 0;
  std::uint64_t epoch = 0;
  Duration heartbeat_interval{};
};
struct SendGoodbye {
  NodeId node;
  std::uint64_t session = 0;
  Duration lease_extension{};
};
// A newer session or a removal replaces it.
struct DropSession {
  NodeId node;
  std::uint64_t session = 0;
  std::string reason;
};
// Tokens or certificates changed: the edge takes a new copy for its authentication.
struct PublishIdentities {};

using Effect = std::variant<SendDesired, SendReportAck, SendHeartbeatAck, SendWelcome, SendGoodbye,
                            DropSession, PublishIdentities>;

}  // namespace muster::scheduler
