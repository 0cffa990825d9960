// What travels between an agent and the server, and the translation between the scheduler's words
// and the agent's (the two never include each other; in the product the wire format stands between
// them).
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "agent/core/agent_core.h"
#include "scheduler/model/command.h"
#include "scheduler/model/effect.h"

namespace muster::sim {

struct Hello {
  scheduler::NodeFacts facts;
  std::string incarnation;
};
struct Heartbeat {
  std::int64_t sent_us = 0;
};
using UpMessage = std::variant<Hello, agent::Report, Heartbeat>;

using DownMessage = std::variant<scheduler::SendWelcome, agent::Desired, scheduler::SendReportAck,
                                 scheduler::SendHeartbeatAck, scheduler::SendGoodbye>;

// The task an attempt carries to a node, which the agent's core never looks into.
struct TaskText {
  std::string key;  // names the job's plan
  std::uint32_t node_rank = 0;
  std::vector<NodeId> gang;
};
std::string Encode(const TaskText& task);
TaskText DecodeTask(const std::string& text);

agent::Desired ToAgent(const scheduler::SendDesired& desired);
scheduler::ReceiveReport ToScheduler(const agent::Report& report, const NodeId& node,
                                     std::uint64_t session);

}  // namespace muster::sim
